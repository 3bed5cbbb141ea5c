"""The stream of events for pulling, and the snapshot that it begins with."""
