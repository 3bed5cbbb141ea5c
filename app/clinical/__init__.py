"""The clinical core: what is reported, what it is measured against, and what follows.

Pure: no clock, no database, no framework. Every number it decides with is in `protocol`.
"""
