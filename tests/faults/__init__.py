"""Proof of delivery: clients remember what they were answered, faults happen meanwhile, and what is stored is compared
with what the clients saw."""
