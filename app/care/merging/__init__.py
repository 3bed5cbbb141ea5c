"""Duplicates: merging one into the right patient, and taking that back exactly."""
