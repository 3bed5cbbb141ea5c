"""SMART and OpenID Connect: programs that read by themselves, and staff who sign in elsewhere."""
