"""The documentation, and what takes its pictures."""
