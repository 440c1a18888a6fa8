"""Everything the product knows in one folder, and back: PostgreSQL, what Redis holds beyond it, the images."""
