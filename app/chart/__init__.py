"""The trend as one SVG, from values: the same for patient, clinician and print."""
