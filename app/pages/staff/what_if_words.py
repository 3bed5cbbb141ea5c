"""What came of a try, in words and rows."""

from dataclasses import dataclass

from app.clinical.english_formats import counted
from app.studies.what_if import RuleCounts, WhatIf


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One count under the numbers in force and under the others, with the difference."""

    title: str
    now: str
    instead: str
    difference: str


def more_or_fewer(found: WhatIf) -> str:
    """Say in one sentence how many signals more or fewer there would have been."""
    more = found.instead.signals - found.now.signals
    if not more:
        return f"As many signals as with today's numbers: {found.now.signals}."
    word = "more" if more > 0 else "fewer"
    return f"{counted(abs(more), 'signal')} {word}: {found.instead.signals} instead of {found.now.signals}."


def raised_rows(found: WhatIf) -> list[Row]:
    """Give the counts side by side."""
    now, instead = found.now, found.instead
    return [
        _row("Signals", now.signals, instead.signals),
        Row(
            title="Signals per patient-year",
            now=_rate(now),
            instead=_rate(instead),
            difference=_signed((instead.per_patient_year or 0) - (now.per_patient_year or 0), digits=1),
        ),
        _row("Patients with any signal", now.patients_with_signals, instead.patients_with_signals),
        _row("Times that a watch began", now.watches, instead.watches),
    ]


def delay_words(found: WhatIf) -> str:
    """Say how much sooner or later those would have been noticed who are noticed either way."""
    days = found.median_days_later
    both = found.now.patients_with_signals - found.no_longer_raised
    if days is None:
        return "No patient has a signal under both, so nothing can be said about sooner or later."
    middle = (
        "on the same day" if not days else f"{counted(abs(days), 'day')} {'later' if days > 0 else 'sooner'}"
    )
    return (
        f"Of {counted(both, 'patient')} with a signal under both, the first would have come sooner for "
        f"{found.earlier} and later for {found.later}; in the middle {middle}."
    )


def _row(title: str, now: int, instead: int) -> Row:
    return Row(title=title, now=str(now), instead=str(instead), difference=_signed(instead - now))


def _rate(counts: RuleCounts) -> str:
    return "none watched" if counts.per_patient_year is None else f"{counts.per_patient_year:.1f}"


def _signed(difference: float, *, digits: int = 0) -> str:
    text = f"{difference:+.{digits}f}"
    return "the same" if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")
