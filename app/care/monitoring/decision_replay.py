"""Making a stored decision again from stored inputs, to show that it can be trusted, or what has changed.

It is made from what was known in the turn that raised the signal, with the numbers that its version names.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isclose
from typing import Any, Final
from uuid import UUID

from app.access.clinics.erased import PatientErasedError
from app.clinical.evaluation import evaluate_history
from app.clinical.protocol_versions import protocol_of_version
from app.foundation.errors import NotFoundError
from app.storage import clinics, erasures, signals
from app.storage.clinical_json import ANSWER_FORMAT, answer_to_json
from app.storage.engine.database import Database
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.histories import history_known
from app.storage.signals import Signal

FLOAT_NOISE: Final = 1e-9
"""The one difference that is none: the same sum in another order ends in other last digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One value of a decision that comes out otherwise; `path` leads to it: "reference.values.mood"."""

    path: str
    stored: object
    again: object


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedDecision:
    """A decision and the outcome of making it again."""

    clinic_id: UUID
    signal_id: UUID
    raised_at: datetime
    rule: str
    version: str
    # The edition of the zone rules then (None: it was not kept yet) and now. Another edition is no difference in
    # itself: it may be why there is one.
    zone_rules: str | None
    zone_rules_now: str
    differences: tuple[Difference, ...]

    @property
    def same(self) -> bool:
        """Whether it is the same decision."""
        return not self.differences


async def replay(database: Database, signal_id: UUID, *, clinic_id: UUID | None = None) -> ReplayedDecision:
    """Make the decision of a signal again and compare; changes nothing.

    Args:
        database: where it is stored.
        signal_id: the signal.
        clinic_id: whose signal it is; None to look through all open clinics.

    Raises:
        NotFoundError: there is no such signal.
        PatientErasedError: there was one, and its patient was erased.
        ClinicalError: this software no longer has the rule that decided.
    """
    for one in [clinic_id] if clinic_id else await _all_clinics(database):
        async with database.work(one) as work:
            signal = await signals.TABLE.find(work, signal_id)
            if signal is not None:
                return await _replayed(work, signal)
            if await erasures.of_signal(work, signal_id) is not None:
                raise PatientErasedError
    raise NotFoundError


def differences(stored: object, again: object, path: str = "") -> Iterator[Difference]:
    """Every value in which two plain forms differ."""
    if isinstance(stored, dict) and isinstance(again, dict):
        for name in sorted({*stored, *again}):
            yield from differences(stored.get(name), again.get(name), f"{path}.{name}" if path else name)
    elif isinstance(stored, list) and isinstance(again, list) and len(stored) == len(again):
        for number, (before, after) in enumerate(zip(stored, again, strict=True)):
            yield from differences(before, after, f"{path}[{number}]")
    elif not _equal(stored, again):
        yield Difference(path=path, stored=stored, again=again)


async def _replayed(work: UnitOfWork, signal: Signal) -> ReplayedDecision:
    decision: Mapping[str, Any] = signal.decision
    history = await history_known(
        work, signal.patient_id, turn=signal.turn, known=signal.known, time_zone=decision["time_zone"]
    )
    as_of = datetime.fromisoformat(decision["as_of"])
    again = evaluate_history(history, as_of=as_of, protocol=protocol_of_version(decision["version"]))
    plain = answer_to_json(again)
    zone_rules_now = plain["zone_rules"]
    if "zone_rules" in decision:
        plain["zone_rules"] = decision["zone_rules"]
    return ReplayedDecision(
        clinic_id=work.clinic_id,
        signal_id=signal.id,
        raised_at=signal.raised_at,
        rule=decision["rule"],
        version=decision["version"],
        zone_rules=decision.get("zone_rules"),
        zone_rules_now=zone_rules_now,
        differences=tuple(differences(decision, as_stored_then(plain, decision))),
    )


def as_stored_then(again: Any, stored: Any) -> Any:  # noqa: ANN401 - any part of an answer
    """An answer in the form that its stored one had: what was not kept then has nothing to be compared with."""
    if isinstance(stored, dict) and stored.get("format") == ANSWER_FORMAT:
        return again
    if isinstance(stored, dict) and isinstance(again, dict):
        kept = {name: as_stored_then(again.get(name), one) for name, one in stored.items()}
        return kept | ({"format": stored["format"]} if "format" in stored else {})
    if isinstance(stored, list) and isinstance(again, list) and len(stored) == len(again):
        return [as_stored_then(one, before) for one, before in zip(again, stored, strict=True)]
    return again


async def _all_clinics(database: Database) -> list[UUID]:
    async with database.work(None) as work:
        return await clinics.open_clinics(work)


def _equal(stored: object, again: object) -> bool:
    if _is_number(stored) and _is_number(again):
        return isclose(stored, again, rel_tol=0.0, abs_tol=FLOAT_NOISE)  # type: ignore[arg-type] # just asked
    return type(stored) is type(again) and stored == again


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
