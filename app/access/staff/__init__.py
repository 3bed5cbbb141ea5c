"""The clinic's staff: inviting, signing in, second factors, emergencies."""
