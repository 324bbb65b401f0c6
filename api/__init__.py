"""Ways in and out: HTTP, pages, command line."""
