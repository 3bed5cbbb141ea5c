"""The life of a signal and of a safety event."""
