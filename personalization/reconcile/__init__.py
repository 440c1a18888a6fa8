"""The batch window: everybody is recomputed from the archive, compared with what is hot, and mended."""
