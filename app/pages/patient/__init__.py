"""The patient's pages in a browser: sign-in, the check-in form, the own trend, settings, help."""
