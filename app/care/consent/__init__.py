"""Consent and its withdrawal, export of one's own data, erasure."""
