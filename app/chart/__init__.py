"""The trend as one SVG, from values: the same for patient, clinician and print.

It stores nothing, decides nothing and reads no clock: a `Trend` and words go in, a picture and a table come out.
"""
