"""Pictures: web maps and printed route sheets."""
