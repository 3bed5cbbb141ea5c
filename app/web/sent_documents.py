"""Looking through a document as it was sent, however it is wrapped."""

from collections.abc import Iterator


def objects_in(document: object) -> Iterator[dict[str, object]]:
    """Walk through every object of a document, to any depth: a phone may have wrapped it wrongly."""
    left = [document]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            yield one
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(reversed(one))
