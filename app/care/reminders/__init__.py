"""Asking for what is due, once; telling the clinic of what was missed."""
