"""A treatment session as clinics give it: the impossible refused, the unlikely asked about, notes sealed."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.care.patients.plausibility import Unlikely, refuse_skipped
from app.care.patients.sealed_fields import vault_of
from app.clinical.course import Route
from app.clinical.scales import STANDARD_SCALES
from app.context import Work
from app.foundation.errors import RefusalError
from app.storage.patients import PatientRecord
from app.storage.treatment_sessions import Session, Vitals

NOTE_CELL: Final = {"table": "infusions", "column": "note_sealed"}
MEASURED: Final = ("before", "peak", "after")
# Longer was never documented: another day's end, or a slip of the keyboard.
_LONGEST: Final = timedelta(hours=24)
_USUALLY_AT_MOST: Final = timedelta(hours=6)
_AHEAD: Final = timedelta(minutes=10)
# Outside these, someone may have typed another number: mmHg, and beats a minute.
_USUAL: Final = {"systolic": (80, 200), "diastolic": (40, 120), "pulse": (40, 150)}
_GOES_IN: Final = frozenset({None, Route.IV, Route.IM, Route.SUBCUTANEOUS})


class SessionEndsBeforeStartError(RefusalError):
    """The session cannot end before it began."""

    code = "session-ends-before-start"


class SessionTooLongError(RefusalError):
    """A session ends within 24 hours of its start."""

    code = "session-too-long"


class SessionInFutureError(RefusalError):
    """A session is documented once it is over; this end lies in the future."""

    code = "session-in-future"


class PressuresSwappedError(RefusalError):
    """The upper blood pressure lies above the lower one; these look exchanged."""

    code = "pressures-swapped"


class SiteWithoutInjectionError(RefusalError):
    """A site belongs to an injection or an infusion, not to this route."""

    code = "site-without-injection"


class ScoreOutOfRangeError(RefusalError):
    """This total lies outside the scale's range, or the scale is not known."""

    code = "score-out-of-range"


def refuse_session(
    session: Session | None, *, given_at: datetime, route: Route | None, now: datetime, zone: str
) -> None:
    """Refuse a session that cannot have been.

    Raises:
        SessionEndsBeforeStartError, SessionTooLongError, SessionInFutureError, TimeSkippedError,
        PressuresSwappedError, SiteWithoutInjectionError, ScoreOutOfRangeError: each names its field.
    """
    if session is None:
        return
    if session.ended_at is not None:
        if session.ended_at <= given_at:
            raise SessionEndsBeforeStartError("#/session/ended_at")
        if session.ended_at - given_at > _LONGEST:
            raise SessionTooLongError("#/session/ended_at")
        if session.ended_at > now + _AHEAD:
            raise SessionInFutureError("#/session/ended_at")
        refuse_skipped(session.ended_at, zone, pointer="#/session/ended_at")
    for moment, vitals in _measured(session):
        upper, lower = vitals.systolic, vitals.diastolic
        if upper is not None and lower is not None and upper <= lower:
            raise PressuresSwappedError(f"#/session/{moment}/diastolic")
    if session.site is not None and route not in _GOES_IN:
        raise SiteWithoutInjectionError("#/session/site")
    score = session.four_hour_score
    scale = score and STANDARD_SCALES.get(score.scale)
    if score is not None and not (scale and scale.holds(score.total)):
        raise ScoreOutOfRangeError("#/session/four_hour_score")


def unlikely_in_session(session: Session | None, *, given_at: datetime) -> list[Unlikely]:
    """Find what is unlikely about a session."""
    if session is None:
        return []
    found = []
    if session.ended_at is not None and session.ended_at - given_at > _USUALLY_AT_MOST:
        found.append(Unlikely.LONG_SESSION)
    if any(_unusual(vitals) for _, vitals in _measured(session)):
        found.append(Unlikely.UNUSUAL_VITALS)
    return found


def seal_note(work: Work, patient: PatientRecord, infusion_id: UUID, note: str | None) -> bytes | None:
    """Seal a session's notes with the patient's own key; none stay none."""
    own = vault_of(work, patient)
    return None if note is None else own.seal(note, row_id=infusion_id, **NOTE_CELL)


def open_note(work: Work, patient: PatientRecord, infusion_id: UUID, sealed: bytes | None) -> str | None:
    """Open a session's notes, where there are some."""
    own = vault_of(work, patient)
    return None if sealed is None else own.open(sealed, row_id=infusion_id, **NOTE_CELL)


def _measured(session: Session) -> Iterator[tuple[str, Vitals]]:
    for moment in MEASURED:
        vitals = getattr(session, moment)
        if vitals is not None:
            yield moment, vitals


def _unusual(vitals: Vitals) -> bool:
    for name, (least, most) in _USUAL.items():
        value = getattr(vitals, name)
        if value is not None and not least <= value <= most:
            return True
    return False
