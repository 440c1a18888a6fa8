"""The condition language: one JSON tree, the same answer wherever it is evaluated."""
