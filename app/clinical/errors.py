"""What the clinical core refuses. An error's docstring is its message; the values are never in it."""

import inspect


class ClinicalError(ValueError):
    """The clinical core refuses this."""

    def __init__(self, **details: object) -> None:
        """Keep the facts in `details` (names and bounds; never shown with a patient's value)."""
        super().__init__(inspect.cleandoc(type(self).__doc__ or ""))
        self.details = details


class UnknownTimeZoneError(ClinicalError):
    """This is neither an IANA time zone nor an offset such as +02:00."""


class TimeWithoutZoneError(ClinicalError):
    """A time must say its offset."""


class ReportOutOfRangeError(ClinicalError):
    """A report lies outside its domain's range."""


class UnknownNumberError(ClinicalError):
    """The protocol has no number of this name."""


class UnknownVersionError(ClinicalError):
    """This software does not have the version of the rule that decided this."""


class NotANumberError(ClinicalError):
    """A number of the protocol must be given as a number, whole where it counts days or infusions."""


class OutsideSafeBoundsError(ClinicalError):
    """This number lies outside the bounds within which the rule was examined."""


class NotAmongChoicesError(ClinicalError):
    """This number is one of a few values in published use, and this is none of them."""


class ThresholdsOutOfOrderError(ClinicalError):
    """These numbers contradict each other: an order of thresholds, a window, or three correlations."""


class MoveNotAllowedError(ClinicalError):
    """The signal cannot make this move from the state it is in."""


class SnoozeTooLongError(ClinicalError):
    """A snooze must end in the future and within the longest time the protocol allows."""
