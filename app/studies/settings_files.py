"""The two JSON files of a study: the clinic's own scales, and the numbers of the protocol that differ."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from app.clinical.own_numbers import with_numbers
from app.clinical.protocol import STANDARD, Protocol
from app.clinical.scales import Scale, read_custom_scales
from app.studies.errors import CustomScalesRefusedError, NotJsonError, UnreadableFileError

LARGEST: Final = 1_000_000
"""Bytes; the largest useful file has a few thousand."""


def custom_scales(path: Path) -> Mapping[str, Scale]:
    """The clinic's own scales, by key.

    Raises:
        UnreadableFileError, NotJsonError: when there is no JSON object to read.
        CustomScalesRefusedError: when any scale cannot be used; `problems` says which and why.
    """
    found = read_custom_scales(_json_object(path))
    if found.problems:
        raise CustomScalesRefusedError(
            problems=tuple((one.scale, one.field, one.code.value) for one in found.problems)
        )
    return found.scales


def protocol_with(path: Path, *, protocol: Protocol = STANDARD) -> Protocol:
    """A protocol in which the numbers of a file differ.

    Raises:
        UnreadableFileError, NotJsonError: when there is no JSON object to read.
        ClinicalError: when a number is unknown, no number, or not safe; its `details` name it.
    """
    return with_numbers(_json_object(path), protocol=protocol)


def _json_object(path: Path) -> Mapping[str, object]:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as unreadable:
        raise UnreadableFileError(file=path.name, problem=unreadable.strerror) from unreadable
    try:
        document = json.loads(content.decode("utf-8-sig")) if len(content) <= LARGEST else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise NotJsonError(file=path.name)
    return document
