"""CustomerData by GraphQL: one question for all that is known of people, with exactly the fields that are asked for."""
