"""Courses of treatment and infusions."""
