"""The encryption keys: rotated while the service runs."""
