"""Everything about one patient that a decision may rest on."""

from dataclasses import dataclass
from datetime import date, datetime

from app.clinical.check_ins import CheckIn
from app.clinical.course import Course, Infusion
from app.clinical.scales import AssessmentTotal, Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleTotals:
    """The accepted totals of one scale. Each `taken_at` carries the patient's own offset at that time."""

    scale: Scale
    totals: tuple[AssessmentTotal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenReference:
    """The check-in days, first and last included, that a clinician took as the new reference, and when."""

    from_day: date
    to_day: date
    set_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is known about one patient. The order within each tuple has no meaning.

    Attributes:
        time_zone: the patient's present zone, IANA name or offset. It gives the day of "now" and of
            infusions that do not name their own; check-ins carry theirs.
        course: the present course; None when infusions were imported without one.
        infusions: all infusions ever, also those of earlier courses.
        check_ins: those that count: corrections stand in for what they correct, withdrawn ones are absent.
        assessments: accepted totals, one entry a scale.
        chosen_reference: what a clinician last took as the reference; it speaks from the moment it was set,
            from the day after its window, and until a new induction series.
    """

    time_zone: str
    course: Course | None = None
    infusions: tuple[Infusion, ...] = ()
    check_ins: tuple[CheckIn, ...] = ()
    assessments: tuple[ScaleTotals, ...] = ()
    chosen_reference: ChosenReference | None = None
