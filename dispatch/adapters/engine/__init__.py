"""The exact search: ruin and recreate on the exact clock, compiled."""
