"""Nights that a patient's phone measured: shown beside the reports, and never deciding."""
