"""Text messages that come in: not read as they come, heard all the same, and put before the care team."""
