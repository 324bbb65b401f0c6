"""OGC API – Features: what the standard says, as values; no route and no SQL."""
