"""Asking for what is due, once; notifying the clinic of what was missed."""
