"""What waits for the care team, in one list."""
