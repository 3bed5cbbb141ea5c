"""Hearing a disclosure of self-harm in whatever was sent: pure functions, no framework and no database."""
