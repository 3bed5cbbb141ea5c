"""From the version that a decision states back to the numbers it was made with.

A version names each number that differs from the published rule ("1.0, consider_at=0.6"), so nothing else
has to be stored to decide again as it was decided then.
"""

from dataclasses import replace
from typing import Final

from app.clinical.errors import UnknownNumberError, UnknownVersionError
from app.clinical.own_numbers import numbers_of, renamed, stored_numbers
from app.clinical.protocol import PUBLISHED, Protocol

_SEPARATOR: Final = ", "


def protocol_of_version(version: str) -> Protocol:
    """The numbers of a version, as `with_numbers` named them; where one is named twice, the later counts.

    What was within its bounds then is taken as it is, whatever the bounds are now.

    Raises:
        UnknownVersionError: another version of the rule, or not a version at all.
        UnknownNumberError: a number that this version of the rule does not have.
    """
    published, *differences = version.split(_SEPARATOR)
    rule = next((one for one in PUBLISHED if one.version == published), None)
    if rule is None:
        raise UnknownVersionError(field="version")
    numbers = renamed(dict(_difference(one) for one in differences))
    if numbers.keys() - {one.name for one in numbers_of()}:
        raise UnknownNumberError(field="version")
    return replace(stored_numbers(numbers, protocol=rule), version=version)


def _difference(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise UnknownVersionError(field="version") from None
