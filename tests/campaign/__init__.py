"""Attacks on the whole service, bounded and seeded; see ``__main__``."""
