"""Consent: the text, the person's answer, and taking it back."""
