"""The tenant: a clinic, its keys, its own settings."""
