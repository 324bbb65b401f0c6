"""City data as one checked, read-only bundle: read, merged, written, opened."""
