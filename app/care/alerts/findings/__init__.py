"""Findings: what else about a patient is for the care team to see to."""
