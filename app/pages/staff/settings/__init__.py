"""The owner's settings: each room one module."""
