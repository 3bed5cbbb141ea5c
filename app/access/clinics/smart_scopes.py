"""SMART's scopes of programs: ``system/<type>.<what>``, of version 1 (read, write) and 2 (letters of cruds)."""

import re
from collections.abc import Collection
from typing import Final

_SCOPE: Final = re.compile(r"system/(?P<type>\*|[A-Za-z]{1,64})\.(?P<what>read|write|\*|c?r?u?d?s?)")
_OLD: Final = {"read": "rs", "write": "cud", "*": "cruds"}


def read_scope(text: str) -> tuple[str, frozenset[str]] | None:
    """Give a scope's resource type and the letters of what it allows; None: it is no such scope."""
    found = _SCOPE.fullmatch(text)
    if found is None or not found["what"]:
        return None
    return found["type"], frozenset(_OLD.get(found["what"], found["what"]))


def scopes_allow(scopes: Collection[str], kind: str, letters: str) -> bool:
    """Say whether scopes allow this on a resource type; ``*`` asks for all types."""
    allowed: set[str] = set()
    for one in scopes:
        read = read_scope(one)
        if read is not None and read[0] in {"*", kind}:
            allowed |= read[1]
    return set(letters) <= allowed


def within(wanted: str, granted: Collection[str]) -> bool:
    """Say whether a scope that is asked for is covered by those that were granted."""
    if wanted in granted:
        return True
    read = read_scope(wanted)
    return read is not None and scopes_allow(granted, read[0], "".join(read[1]))
