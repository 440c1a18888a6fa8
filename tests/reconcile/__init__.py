"""The batch window: whatever is corrupted is found and mended, and nothing else is touched."""
