"""Afterglow: tells a ketamine clinic when a patient's benefit is fading."""
