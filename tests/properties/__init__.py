"""Properties that hold for every valid day."""
