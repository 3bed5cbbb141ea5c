"""The owner's settings: each page one module."""
