"""Identifiers: UUIDv7 everywhere, so that ids sort by their time of birth."""

from uuid import UUID

from uuid_utils import compat


def new_id() -> UUID:
    """Make a fresh UUIDv7 (RFC 9562): time-ordered, unguessable enough to name, never used as a secret."""
    return compat.uuid7()
