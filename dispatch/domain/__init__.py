"""Plain values and pure functions of the dispatch domain."""
