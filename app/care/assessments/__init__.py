"""Completed validated scales."""
