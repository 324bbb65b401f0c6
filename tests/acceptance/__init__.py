"""Stories from the outside: the real command line, the real server, a real browser."""
