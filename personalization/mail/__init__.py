"""E-mail: messages rendered for many people at once, and the doors their links lead to."""
