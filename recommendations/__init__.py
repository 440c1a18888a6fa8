"""Rankers, one per file, behind one contract: what a block may ask for on behalf of a person. None is there yet."""
