"""Formats of other products, each turned into events by a file of its own."""
