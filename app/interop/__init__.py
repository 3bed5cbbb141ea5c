"""How a clinic's data leaves and enters in forms that others read."""
