"""What the API promises to other systems."""
