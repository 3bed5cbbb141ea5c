"""Taking on a patient in maintenance: a course without an induction here, and the infusions that are known.

The reference is a stable period that a clinician names, at once or later; until then one is proposed after 14 days
of reports, and check-ins raise nothing.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from uuid import UUID

from app.care.monitoring import effects
from app.care.monitoring.corrections import ExternalIdTakenError
from app.care.monitoring.history import history_now
from app.care.patients.plausibility import Unlikely, ask_about, refuse_before_birth, refuse_impossible_time
from app.care.patients.queries import existing, existing_for_update
from app.care.treatment.commands import (
    ChosenDays,
    InfusionExistsError,
    choose_reference,
    chosen_days,
    note_infusion,
    refuse_future,
)
from app.care.treatment.course_entry import (
    CourseExistsError,
    EnteredCourse,
    course_kept_before,
    entered_course,
)
from app.care.treatment.plausibility import InductionOnRecordError, unlikely_in
from app.clinical.check_ins import calendar_day, zone_of
from app.clinical.course import (
    Course,
    DatePrecision,
    EarlierInfusions,
    Infusion,
    InfusionPhase,
    Route,
    infusions_of_course,
)
from app.clinical.reference import NoReference, Reference
from app.context import Work
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.storage import chosen_references, courses, infusions, patient_states
from app.storage.courses import StoredCourse
from app.storage.infusions import StoredInfusion
from app.storage.patients import PatientRecord
from app.storage.protocol_templates import OwnTemplate


class TakenOnInFutureError(RefusalError):
    """A patient is entered as taken on once that has happened; this day lies in the future."""

    code = "taken-on-in-future"


class InfusionAfterTakingOnError(RefusalError):
    """An infusion known from before lies on or before the day of taking on; enter a later one as a booster."""

    code = "infusion-after-taking-on"


class NothingProposedError(RefusalError):
    """No reference is proposed for this patient now."""

    kind = RefusalKind.CONFLICT
    code = "nothing-proposed"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownInfusion:
    """An infusion from before the clinic took the patient on; without an hour it is kept at noon of its day."""

    given_at: datetime | None = None
    given_on: date | None = None
    dose_mg_per_kg: float | None = None
    dose_mg: float | None = None
    route: Route | None = None

    def stored(self, zone: str, now: datetime) -> StoredInfusion:
        """As it is kept: every infusion of such a course is a booster."""
        at = self.given_at
        if at is None:
            # Today's noon may lie ahead; the infusion does not.
            noon = datetime.combine(self.given_on or date.min, time(12), zone_of(zone))
            at = min(noon, now) if calendar_day(now, zone) == self.given_on else noon
        infusion = Infusion(
            id=str(new_id()),
            given_at=at,
            phase=InfusionPhase.BOOSTER,
            dose_mg_per_kg=self.dose_mg_per_kg,
            route=self.route,
            time_zone=zone,
        )
        return StoredInfusion(infusion=infusion, dose_mg=self.dose_mg, day_only=self.given_at is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOn:
    """How a patient joins in maintenance.

    Attributes:
        on: the day.
        infusions: those whose time or day is known.
        earlier: others, known as "about so many, last on …".
        reference: the stable period that a clinician names; None: no reference yet.
        template: the clinic's own template that the course follows, if it is one of those.
        confirm: codes of what is unlikely and right all the same.
    """

    protocol: str
    on: date
    infusions: Sequence[KnownInfusion] = ()
    earlier: EarlierInfusions | None = None
    reference: ChosenDays | None = None
    template: OwnTemplate | None = None
    external_id: str | None = None
    source: str = ""
    confirm: Sequence[str] = ()

    @property
    def counted(self) -> EarlierInfusions | None:
        """Those known by their number only: without the last one, if its day is known."""
        earlier = self.earlier
        if earlier is None or earlier.precision is not DatePrecision.DAY:
            return earlier
        return replace(earlier, count=earlier.count - 1) if earlier.count > 1 else None

    def same_as(self, kept: StoredCourse) -> bool:
        """Whether it says of the course what is kept; what came with the course is compared besides."""
        course, template = kept.course, kept.template
        said = (self.protocol, self.on, self.counted, self.template and self.template.id)
        return said == (course.protocol, course.taken_on_at, course.earlier, template and template.id)


async def take_on(work: Work, patient_id: UUID, joining: TakenOn) -> EnteredCourse:
    """Take a patient on in maintenance: the course, the known infusions and the reference, or nothing of it.

    Raises:
        NotFoundError: the clinic has no such patient.
        TakenOnInFutureError, InfusionAfterTakingOnError, InfusionInFutureError: a day that cannot be.
        TimeSkippedError, BeforeBirthError: a time that cannot be.
        ExternalIdTakenError: another content is kept under its external id.
        CourseExistsError: a course starts on this day already.
        InfusionExistsError: an infusion is on record at this very time.
        InductionOnRecordError: an induction infusion of this time is on record.
        NeedsConfirmationError: a value is unlikely, and nobody has confirmed it.
        ReferenceWindowError, ReferenceNotMadeError: the named period makes no reference.
    """
    patient = await existing(work, patient_id)
    zone = patient.time_zone
    if joining.on > calendar_day(work.now, zone):
        raise TakenOnInFutureError("#/taken_on/on")
    refuse_before_birth(work, patient, joining.on.year, pointer="#/taken_on/on")
    if joining.earlier is not None and joining.earlier.last_on is not None:
        last = joining.earlier.last_on
        refuse_before_birth(work, patient, last.year, pointer="#/taken_on/earlier/last_on")
    await patient_states.lock(work, patient_id)
    kept = await course_kept_before(
        work, patient_id, source=joining.source, external_id=joining.external_id, same_as=joining.same_as
    )
    if kept is not None:
        await _refuse_other(work, patient, joining, kept)
        return await entered_course(work, patient, kept, created=False)
    known = _known(joining, zone, work.now)
    for place, one in enumerate(known):
        refuse_future(work, one.infusion.given_at)
        refuse_impossible_time(work, patient, one.infusion.given_at, pointer=f"#/taken_on/infusions/{place}")
        if one.infusion.day(zone) > joining.on:
            raise InfusionAfterTakingOnError(f"#/taken_on/infusions/{place}")
    course = Course(
        id=str(new_id()),
        protocol=joining.protocol,
        planned_infusions=None,
        started_on=joining.on,
        taken_on_at=joining.on,
        earlier=joining.counted,
    )
    begins_on = min([joining.on, *(one.infusion.day(zone) for one in known)])
    await _refuse_course(work, patient, replace(course, started_on=begins_on))
    await courses.add_course(
        work,
        patient_id,
        course,
        external_id=joining.external_id,
        source=joining.source,
        template=joining.template,
    )
    await courses.begin_on(work, UUID(course.id), started_on=begins_on)
    course = replace(course, started_on=begins_on)
    work.audit("course.taken_on", "course", UUID(course.id), patient_id=patient_id)
    await _add_infusions(work, patient, course, known, joining.confirm)
    if joining.reference is not None:
        await choose_reference(work, patient_id, joining.reference, within="#/taken_on/reference")
    else:
        await effects.evaluate_or_later(work, patient_id)
    (stored, *_) = await courses.stored_courses(work, patient_id)
    return await entered_course(work, patient, stored)


async def accept_proposed_reference(work: Work, patient_id: UUID, *, reason: str) -> Reference:
    """Take the proposed days as the reference.

    Raises:
        NotFoundError: the clinic has no such patient.
        NothingProposedError: no days are proposed now.
    """
    await existing_for_update(work, patient_id)
    proposed = await proposed_days(work, patient_id)
    if proposed is None:
        raise NothingProposedError
    first, last = proposed
    return await choose_reference(work, patient_id, ChosenDays(from_day=first, to_day=last, reason=reason))


async def proposed_days(work: Work, patient_id: UUID) -> tuple[date, date] | None:
    """Give the first and the last of the days that are proposed as the reference; None: none are.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    _, evaluation = await history_now(work, work.context, patient_id, now=work.now)
    missing = evaluation.reference
    if not isinstance(missing, NoReference) or missing.proposed_from is None or missing.proposed_to is None:
        return None
    return missing.proposed_from, missing.proposed_to


def _known(joining: TakenOn, zone: str, now: datetime) -> list[StoredInfusion]:
    """The infusions with a separate day, the last of "about so many" among them."""
    known, earlier = list(joining.infusions), joining.earlier
    if earlier is not None and earlier.precision is DatePrecision.DAY:
        known.append(KnownInfusion(given_on=earlier.last_on))
    return [one.stored(zone, now) for one in known]


async def _refuse_other(work: Work, patient: PatientRecord, joining: TakenOn, kept: StoredCourse) -> None:
    """Refuse other infusions or another stable period than those that were kept together with the course.

    Raises:
        ExternalIdTakenError: they are others, by now: also when one was corrected since.
    """
    at = kept.created_at
    if at is None:
        return
    sent = Counter(map(_content, _known(joining, patient.time_zone, at)))
    every = await infusions.stored_infusions(work, patient.id)
    there = Counter(_content(one) for one in every if one.created_at == at)
    chosen = await chosen_references.all_of_patient(work, patient.id)
    periods = [chosen_days(work, patient, one) for one in chosen if one.set_at == at]
    if sent != there or periods != ([joining.reference] if joining.reference else []):
        raise ExternalIdTakenError.kept_as(kept.course.id, kept.version)


def _content(one: StoredInfusion) -> tuple[object, ...]:
    given = one.infusion
    return given.given_at, given.dose_mg_per_kg, one.dose_mg, given.route, one.day_only


async def _refuse_course(work: Work, patient: PatientRecord, course: Course) -> None:
    every = await courses.stored_courses(work, patient.id)
    if any(one.course.started_on >= course.started_on for one in every):
        raise CourseExistsError("#/taken_on")
    on_record = await infusions.infusions(work, patient.id)
    of_course = infusions_of_course(course, on_record, time_zone=patient.time_zone)
    if any(one.phase is InfusionPhase.INDUCTION for one in of_course):
        raise InductionOnRecordError("#/taken_on")


async def _add_infusions(
    work: Work,
    patient: PatientRecord,
    course: Course,
    known: Sequence[StoredInfusion],
    confirm: Sequence[str],
) -> None:
    others = list(await infusions.infusions(work, patient.id))
    found: list[list[Unlikely]] = []
    for one in known:
        found.append(
            unlikely_in(
                one.infusion,
                dose_mg=one.dose_mg,
                course=course,
                others=others,
                now=work.now,
                zone=patient.time_zone,
            )
        )
        others.append(one.infusion)
    # All at once: whoever is asked about one after the other never gets to the end.
    ask_about(list(dict.fromkeys(code for codes in found for code in codes)), confirm)
    for place, (one, unlikely) in enumerate(zip(known, found, strict=True)):
        if one.infusion.day(patient.time_zone) < (course.taken_on_at or course.started_on):
            one = replace(one, began_course_id=UUID(course.id))  # noqa: PLW2901 - the same, with what it did
        if not await infusions.add_infusion(work, patient.id, one):
            raise InfusionExistsError(f"#/taken_on/infusions/{place}")
        note_infusion(work, patient.id, one, "entered", unlikely)
