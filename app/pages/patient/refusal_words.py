"""What a form that could not be kept says above its answers."""

from collections.abc import Mapping
from typing import Final

from app.foundation.errors import RefusalError
from app.foundation.translations import Words, say

NOT_READABLE: Final = say(
    "Something in this form was not readable. Your answers are still here; please send them again."
)
NOT_KEPT: Final = say(
    "We could not keep your answers just now. They are still on this page: please press Send again in a "
    "minute."
)
_TOO_OLD: Final = say(
    "This form is more than 30 days old. Your answers are still here: send them for today if they are about "
    "today."
)
_CLOCK_AHEAD: Final = say(
    "This phone's clock was far ahead when you opened this page. Your answers are still here: send them for "
    "today."
)
_KEPT_OTHERWISE: Final = say(
    "You sent this form before with other answers, and those are kept. Your new answers are still here: "
    "if they "
    "are to be kept too, press Send."
)
_BY_CODE: Final[Mapping[str, Words]] = {
    "check-in-too-old": _TOO_OLD,
    "check-in-in-future": _CLOCK_AHEAD,
    "assessment-too-old": _TOO_OLD,
    "assessment-in-future": _CLOCK_AHEAD,
    "assessment-conflict": _KEPT_OTHERWISE,
    "assessment-exists": _KEPT_OTHERWISE,
    "consent-withdrawn": say(
        "You withdrew your consent, so no answers are taken. You can agree again in the settings."
    ),
    "patient-archived": say(
        "Nobody at this clinic reads your reports now. Please use the numbers on this page."
    ),
    "form-expired": say(
        "This page was open for a long time. Your answers are still here; please press Send once more."
    ),
}


def why_not_kept(error: Exception) -> Words:
    """Say why a form could not be kept."""
    return _BY_CODE.get(error.code, NOT_KEPT) if isinstance(error, RefusalError) else NOT_KEPT
