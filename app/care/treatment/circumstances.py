"""What else changed for a patient, with its day: factors and other therapies, kept with every version.

They are shown beside the trend and in the treatment context of a signal. They decide nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from app.care.monitoring.corrections import Correctable
from app.care.patients.plausibility import Unlikely, ask_about, refuse_before_birth
from app.care.patients.queries import existing, existing_for_update
from app.care.patients.sealed_fields import vault_of
from app.clinical.check_ins import calendar_day
from app.context import Work
from app.foundation.errors import RefusalError
from app.foundation.ids import new_id
from app.storage import circumstances
from app.storage.circumstances import Circumstance, CircumstanceKind, Severity
from app.storage.patients import PatientRecord
from app.storage.record_versions import Correction, RecordKind, RecordStatus, voided_as

DETAIL_CELL: Final = {"table": "circumstances", "column": "detail_sealed"}
# Which value says what of which kind; it has to be there, and no other kind has it.
VALUES: Final[Mapping[str, CircumstanceKind]] = {
    "severity": CircumstanceKind.SEVERITY,
    "months": CircumstanceKind.ILLNESS_DURATION,
    "weight_kg": CircumstanceKind.WEIGHT,
}
_IN_WORDS: Final = frozenset(
    {CircumstanceKind.CONDITION, CircumstanceKind.PHYSICAL_HEALTH, CircumstanceKind.OTHER_MEDICATION}
)
# What is measured may change within days; of the rest, the same within a week is likely entered twice.
_MEASURED: Final = frozenset({CircumstanceKind.SEVERITY, CircumstanceKind.WEIGHT})
_NEAR: Final = timedelta(days=7)
_USUAL_WEIGHT_KG: Final = (35.0, 200.0)
# Beyond this share of the weight before, one of the two may be in pounds.
_WEIGHT_CHANGE: Final = 0.3


class CircumstanceInFutureError(RefusalError):
    """What changed has happened; this day lies in the future."""

    code = "circumstance-in-future"


class CircumstanceEndsBeforeStartError(RefusalError):
    """The last day lies before the first."""

    code = "ends-before-start"


class CircumstanceValueMissingError(RefusalError):
    """This kind needs its value: a severity, the months of illness, the weight, or what it is in words."""

    code = "value-missing"


class CircumstanceValueElsewhereError(RefusalError):
    """This value belongs to another kind."""

    code = "value-of-another-kind"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenCircumstance:
    """A circumstance as staff gave it; ``detail`` in words."""

    kind: CircumstanceKind
    since: date
    until: date | None = None
    severity: Severity | None = None
    months: int | None = None
    weight_kg: float | None = None
    detail: str | None = None
    confirm: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCircumstance:
    """A circumstance on record, with its words opened."""

    stored: Circumstance
    detail: str | None
    status: RecordStatus = RecordStatus.ACTIVE


# They decide nothing, so no decision is replayed from them.
CIRCUMSTANCE: Final = Correctable(
    kind=RecordKind.CIRCUMSTANCE,
    find=circumstances.find,
    plain=circumstances.content_of,
    read=circumstances.from_version,
    take_away=lambda work, one: circumstances.take_away(work, one.id),
)


async def list_circumstances(work: Work, patient_id: UUID, *, with_errors: bool) -> list[KnownCircumstance]:
    """List what else changed for a patient, latest first.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    patient = await existing(work, patient_id)
    found = await circumstances_of(work, patient)
    if with_errors:
        errors = await voided_as(work, patient_id, RecordKind.CIRCUMSTANCE, circumstances.from_version)
        found += [_known(work, patient, one, RecordStatus.ENTERED_IN_ERROR) for one in errors]
    work.record_access("circumstances", patient_id=patient_id)
    return sorted(found, key=lambda one: (one.stored.since, one.stored.id), reverse=True)


async def circumstances_of(work: Work, patient: PatientRecord) -> list[KnownCircumstance]:
    """Give what else changed for a patient who is known to be there, latest first."""
    return [_known(work, patient, one) for one in await circumstances.of_patient(work, patient.id)]


async def enter_circumstance(work: Work, patient_id: UUID, given: GivenCircumstance) -> KnownCircumstance:
    """Keep something that changed.

    Raises:
        NotFoundError: the clinic has no such patient.
        CircumstanceInFutureError, CircumstanceEndsBeforeStartError, CircumstanceValueMissingError,
        CircumstanceValueElsewhereError, BeforeBirthError: it cannot be.
        NeedsConfirmationError: it is unlikely, and nobody has confirmed it.
    """
    patient = await existing_for_update(work, patient_id)
    await _possible(work, patient, given, await circumstances.of_patient(work, patient_id))
    stored = _stored(work, patient, given, new_id(), version=1)
    await circumstances.add(work, patient_id, stored)
    work.audit("circumstance.entered", "circumstance", stored.id, patient_id=patient_id)
    return KnownCircumstance(stored=stored, detail=given.detail)


async def amend_circumstance(
    work: Work,
    patient_id: UUID,
    circumstance_id: UUID,
    changes: Mapping[str, Any],
    *,
    reason: str,
    version: int,
    confirm: tuple[str, ...] = (),
) -> KnownCircumstance:
    """Change what a circumstance says; None takes a value back.

    Raises:
        NotFoundError: the patient has no such circumstance.
        EnteredInErrorError: it counts as entered in error.
        ChangedMeanwhileError: the version is not the current one.
        NeedsConfirmationError: it is unlikely, and nobody has confirmed it; and all that entering raises.
    """
    patient = await existing_for_update(work, patient_id)
    stored = await CIRCUMSTANCE.existing(work, patient_id, circumstance_id, version=version)
    others = [one for one in await circumstances.of_patient(work, patient_id) if one.id != circumstance_id]
    before = _known(work, patient, stored)
    values = {name: getattr(stored, name) for name in ("kind", "since", "until", *VALUES)}
    given = GivenCircumstance(**(values | {"detail": before.detail} | dict(changes)), confirm=confirm)
    await _possible(work, patient, given, others)
    await CIRCUMSTANCE.keep(work, patient, stored, Correction.AMENDED, reason)
    new = _stored(work, patient, given, stored.id, version=stored.version + 1)
    await circumstances.replace(work, new)
    work.audit("circumstance.amended", "circumstance", stored.id, patient_id=patient_id)
    return KnownCircumstance(stored=new, detail=given.detail)


async def void_circumstance(
    work: Work, patient_id: UUID, circumstance_id: UUID, *, reason: str, version: int | None = None
) -> KnownCircumstance:
    """Take a circumstance as entered in error.

    Raises:
        NotFoundError: the patient has no such circumstance.
        EnteredInErrorError: it counts as entered in error already.
        ChangedMeanwhileError: the version is not the current one.
    """
    patient = await existing_for_update(work, patient_id)
    stored = await CIRCUMSTANCE.existing(work, patient_id, circumstance_id, version=version)
    await CIRCUMSTANCE.void(work, patient, stored, reason)
    voided = replace(stored, version=stored.version + 1)
    return _known(work, patient, voided, RecordStatus.ENTERED_IN_ERROR)


async def restore_circumstance(
    work: Work, patient_id: UUID, circumstance_id: UUID, *, reason: str | None = None
) -> KnownCircumstance:
    """Let a circumstance count again that was taken as entered in error.

    Raises:
        NotFoundError: the patient has no such circumstance.
        NotEnteredInErrorError: it does not count as entered in error.
        BeforeBirthError: the year of birth, which was entered meanwhile, is later.
    """
    patient = await existing_for_update(work, patient_id)
    stored, void_since = await CIRCUMSTANCE.voided(work, patient_id, circumstance_id)
    refuse_before_birth(work, patient, stored.since.year)
    voided = replace(stored, version=stored.version + 1)
    await CIRCUMSTANCE.keep(work, patient, voided, Correction.RESTORED, reason, void_since=void_since)
    new = replace(stored, version=stored.version + 2)
    await circumstances.add(work, patient_id, new)
    work.audit("circumstance.restored", "circumstance", new.id, patient_id=patient_id)
    return _known(work, patient, new)


async def _possible(
    work: Work, patient: PatientRecord, given: GivenCircumstance, others: Sequence[Circumstance]
) -> None:
    """Refuse what cannot be, ask about what is unlikely."""
    if given.since > calendar_day(work.now, patient.time_zone):
        raise CircumstanceInFutureError("#/since")
    if given.until is not None and given.until < given.since:
        raise CircumstanceEndsBeforeStartError("#/until")
    refuse_before_birth(work, patient, given.since.year, pointer="#/since")
    for name, kind in VALUES.items():
        value = getattr(given, name)
        if given.kind is kind and value is None:
            raise CircumstanceValueMissingError(f"#/{name}")
        if given.kind is not kind and value is not None:
            raise CircumstanceValueElsewhereError(f"#/{name}")
    if given.kind in _IN_WORDS and not given.detail:
        raise CircumstanceValueMissingError("#/detail")
    ask_about(_unlikely(given, others), given.confirm)


def _unlikely(given: GivenCircumstance, others: Sequence[Circumstance]) -> list[Unlikely]:
    same = [one for one in others if one.kind is given.kind]
    near = timedelta(0) if given.kind in _MEASURED else _NEAR
    doubled = any(abs(one.since - given.since) <= near for one in same)
    found = [Unlikely.SAME_CIRCUMSTANCE] if doubled else []
    if given.weight_kg is None:
        return found
    if not _USUAL_WEIGHT_KG[0] <= given.weight_kg <= _USUAL_WEIGHT_KG[1]:
        found.append(Unlikely.UNUSUAL_WEIGHT)
    before = next((one.weight_kg for one in same if one.weight_kg and one.since <= given.since), None)
    if before is not None and abs(given.weight_kg - before) > _WEIGHT_CHANGE * before:
        found.append(Unlikely.WEIGHT_CHANGE)
    return found


def _stored(
    work: Work, patient: PatientRecord, given: GivenCircumstance, circumstance_id: UUID, *, version: int
) -> Circumstance:
    own = vault_of(work, patient)
    return Circumstance(
        id=circumstance_id,
        kind=given.kind,
        since=given.since,
        until=given.until,
        severity=given.severity,
        months=given.months,
        weight_kg=given.weight_kg,
        detail_sealed=own.seal(given.detail, row_id=circumstance_id, **DETAIL_CELL) if given.detail else None,
        version=version,
    )


def _known(
    work: Work, patient: PatientRecord, stored: Circumstance, status: RecordStatus = RecordStatus.ACTIVE
) -> KnownCircumstance:
    sealed, detail = stored.detail_sealed, None
    if sealed is not None:
        detail = vault_of(work, patient).open(sealed, row_id=stored.id, **DETAIL_CELL)
    return KnownCircumstance(stored=stored, detail=detail, status=status)
