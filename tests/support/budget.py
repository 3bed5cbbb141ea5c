"""How much is tried: little in `make test`, before each commit, and all of it in `make test-long`, at night."""

from hypothesis import settings


def budget(short: int, *, long: int) -> int:
    """So many in this run: kills, phones, events, requests."""
    return long if settings.get_current_profile_name() == "long" else short
