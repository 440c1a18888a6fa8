"""The resources of the REST door, one module each; what they have in common is in modules of its own."""
