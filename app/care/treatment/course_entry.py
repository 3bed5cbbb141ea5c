"""Entering a course of treatment; what is known already is not doubled."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from app.access.clinics.policy import active_protocol
from app.care.monitoring import effects
from app.care.monitoring.corrections import ExternalIdTakenError
from app.care.patients.plausibility import Unlikely, ask_about, refuse_before_birth
from app.care.patients.queries import existing
from app.clinical.course import Course, Phase, phase_of
from app.context import Work
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.storage import courses, infusions, patient_states
from app.storage.courses import StoredCourse
from app.storage.patients import PatientRecord
from app.storage.protocol_templates import OwnTemplate
from app.storage.record_versions import RecordKind, kept_under

# Nobody begins a second series so soon after the first.
_SAME_COURSE: Final = timedelta(days=14)


class CourseExistsError(RefusalError):
    """The patient has a course that starts on this day already."""

    kind = RefusalKind.CONFLICT
    code = "course-exists"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCourse:
    """A course of treatment as planned; how many infusions is None when nobody said."""

    protocol: str
    planned_infusions: int | None
    started_on: date
    external_id: str | None = None
    source: str = ""
    confirm: tuple[str, ...] = ()
    template: OwnTemplate | None = None

    def same_as(self, kept: StoredCourse) -> bool:
        """Whether it says what is kept."""
        course, template = kept.course, self.template
        said = (self.protocol, self.planned_infusions, self.started_on, None, template and template.id)
        return said == (
            course.protocol,
            course.planned_infusions,
            kept.declared_started_on,
            course.taken_on_at,
            kept.template and kept.template.id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EnteredCourse:
    """A course and where it stands now; not created: kept before under its external id."""

    course: Course
    phase: Phase
    external_id: str | None = None
    source: str = ""
    created: bool = True
    template: OwnTemplate | None = None


async def enter_course(work: Work, patient_id: UUID, planned: PlannedCourse) -> EnteredCourse:
    """Enter a course of treatment.

    Raises:
        NotFoundError: the clinic has no such patient.
        BeforeBirthError: it starts before the patient was born.
        CourseExistsError: one starts on this day already.
        ExternalIdTakenError: another content is kept under its external id.
        NeedsConfirmationError: it is likely on record already, and nobody has confirmed it.
    """
    patient = await existing(work, patient_id)
    refuse_before_birth(work, patient, planned.started_on.year, pointer="#/started_on")
    await patient_states.lock(work, patient_id)
    kept = await course_kept_before(
        work, patient_id, source=planned.source, external_id=planned.external_id, same_as=planned.same_as
    )
    if kept is not None:
        return await entered_course(work, patient, kept, created=False)
    course = await _add_course(work, patient_id, planned)
    entered = StoredCourse(
        course=course,
        benefit=None,
        version=1,
        declared_started_on=course.started_on,
        external_id=planned.external_id,
        source=planned.source,
        template=planned.template,
    )
    return await entered_course(work, patient, entered)


async def entered_course(
    work: Work, patient: PatientRecord, stored: StoredCourse, *, created: bool = True
) -> EnteredCourse:
    """Say where a course that was entered stands now."""
    given = await infusions.infusions(work, patient.id)
    policy = await active_protocol(work)
    course, zone = stored.course, patient.time_zone
    return EnteredCourse(
        course=course,
        phase=phase_of(course, given, as_of=work.now, time_zone=zone, protocol=policy),
        external_id=stored.external_id,
        source=stored.source,
        created=created,
        template=stored.template,
    )


async def course_kept_before(
    work: Work,
    patient_id: UUID,
    *,
    source: str,
    external_id: str | None,
    same_as: Callable[[StoredCourse], bool],
) -> StoredCourse | None:
    """Find what is kept under the same external id, also when it counts as entered in error by now.

    Raises:
        ExternalIdTakenError: it says something else.
    """
    if external_id is None:
        return None
    found = await kept_under(
        work,
        RecordKind.COURSE,
        courses.course_by_external_id,
        lambda version: (version.patient_id, courses.from_version(version)),
        source=source,
        external_id=external_id,
    )
    if found is None:
        return None
    (whose, stored), _ = found
    if whose != patient_id or not same_as(stored):
        raise ExternalIdTakenError.kept_as(stored.course.id, stored.version)
    return stored


async def ask_about_course(
    work: Work, patient_id: UUID, started_on: date, confirmed: Sequence[str], *, besides: UUID | None = None
) -> list[Unlikely]:
    """Ask whether a course is the one that begins within two weeks of it; gives what was confirmed."""
    every = await courses.stored_courses(work, patient_id)
    begun = [one.declared_started_on for one in every if one.course.id != str(besides)]
    found = [Unlikely.SAME_COURSE] if any(abs(day - started_on) <= _SAME_COURSE for day in begun) else []
    ask_about(found, confirmed)
    return found


async def _add_course(work: Work, patient_id: UUID, planned: PlannedCourse) -> Course:
    course = Course(
        id=str(new_id()),
        protocol=planned.protocol,
        planned_infusions=planned.planned_infusions,
        started_on=planned.started_on,
    )
    await patient_states.lock(work, patient_id)
    present = await courses.current_course(work, patient_id)
    if present is not None and present.started_on == course.started_on:
        raise CourseExistsError("#/started_on")
    confirmed = await ask_about_course(work, patient_id, course.started_on, planned.confirm)
    await courses.add_course(
        work,
        patient_id,
        course,
        external_id=planned.external_id,
        source=planned.source,
        template=planned.template,
    )
    for action in ("entered", *(f"confirmed_{one.value}" for one in confirmed)):
        work.audit(f"course.{action}", "course", UUID(course.id), patient_id=patient_id)
    await effects.evaluate_or_later(work, patient_id)
    return course
