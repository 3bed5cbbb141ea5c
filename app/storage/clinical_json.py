"""The rule's answers as plain JSON and its states packed: by what their fields are, written nowhere twice.

An answer is written with names, and read back only to be explained in another language: a stored decision is shown as
it was made, and replayed from its inputs. A state is written and read by its types; one that this release cannot read
is made again from the reports.
"""

import itertools
import zlib
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

from app.clinical.answer import DataQuality, Evaluation
from app.clinical.boosters import Stretch
from app.clinical.domains import DOMAINS, PerDomain
from app.clinical.explanation import Part
from app.clinical.findings import (
    BelowBest,
    Disagreement,
    ElevatedDay,
    Finding,
    NotHolding,
    Numbers,
    SilentAfterLow,
    WorseThanBefore,
)
from app.clinical.levels import FindingCode
from app.clinical.reason_codes import ReasonCode
from app.clinical.reasons import REASONS, Criterion, Reason
from app.clinical.reference import NO_BASELINE, NoReference, Reference, ReferenceKind
from app.clinical.signs import RecentDay
from app.clinical.state.timeline import Timeline
from app.foundation.zones import zone_edition

ANSWER_FORMAT: Final = 4
"""Answers of rule 1.0 alone were stored as format 1, those before patients were taken on as 2, those without
the edition of the zone rules as 3, with fewer fields."""
STATE_FORMAT: Final = 8
Plain = dict[str, Any]


class KeptState(NamedTuple):
    """What is kept of a patient for the next evaluation.

    Attributes:
        timeline: the state, and what it alone no longer says.
        treatment: the digest of the infusions and the course that it was made with.
    """

    timeline: Timeline
    treatment: str


# Pydantic takes three times as long to read the same and some longer to write it, compressed alike (`make bench`).
_PACKER: Final = msgspec.msgpack.Encoder()
_UNPACKER: Final = msgspec.msgpack.Decoder(tuple[int, str, KeptState])
_STORED_AS: Final = {"says": "code"}
"""What a total's own code was called in the first stored answers, and is for as long as they are read."""


def answer_to_json(evaluation: Evaluation) -> Plain:
    """The answer as JSON values; days as ISO dates, shares as fractions of the gain.

    With the edition of the zone rules that put its reports on their days.
    """
    return {"format": ANSWER_FORMAT, "zone_rules": zone_edition(), **_named(evaluation)}


def answer_from_json(plain: Plain) -> Evaluation | None:
    """The answer that was written so; None when it is of a form that this release cannot read.

    An explanation of it is the one that was made with it, also in another language.
    """
    try:
        quality = plain["data_quality"] | {"today": plain["day"]}
        reference = plain["reference"]
        answer: Evaluation = _record(Evaluation, plain | {"data_quality": quality}, reference=NoReference)
        if reference["kind"] == ReferenceKind.NONE:
            return answer._replace(reference=_record(NoReference, reference))
        # Rule 1.0 compared with what was measured and stored no other numbers.
        as_measured = {
            "rule_values": reference["values"],
            "rule_gains": reference["gains"],
            "mean_rule_gain": reference["mean_gain"],
        }
        measured = _record(Reference, as_measured | reference, baseline=answer.baseline or NO_BASELINE)
        return answer._replace(reference=measured)
    except (KeyError, TypeError, ValueError):
        return None


def parts_to_json(parts: tuple[Part, ...]) -> list[Plain]:
    """The parts of an explanation, each with its code, its text and its numbers by name."""
    return [
        {"code": part.code.value, "text": part.text, "numbers": {name: _plain(v) for name, v in part.numbers}}
        for part in parts
    ]


def findings_to_json(findings: tuple[Finding, ...]) -> list[Plain]:
    """Findings alone, as in an answer."""
    return [_named(one) for one in findings]


def finding_numbers_from_json(code: str, plain: Any) -> Numbers | None:  # noqa: ANN401 - as it was kept
    """The numbers that a finding was seen from; None when they are of a form that this release cannot read."""
    try:
        numbers: Numbers = _read(_NUMBERS_OF_FINDING[code], plain)
    except (KeyError, TypeError, ValueError):
        return None
    return numbers


def pack_state(state: KeptState, *, rule: str) -> bytes:
    """The state of a rule, packed for `unpack_state` to read.

    A quarter of its JSON: small enough to stay in the patient's row.
    """
    return zlib.compress(_PACKER.encode((STATE_FORMAT, rule, state)), level=1)


def unpack_state(packed: bytes, *, rule: str) -> KeptState | None:
    """The state as it was packed; None when an earlier or a later release packed it, or another rule made it."""
    try:
        made_as, made_by, state = _UNPACKER.decode(zlib.decompress(packed))
    except (zlib.error, msgspec.DecodeError):
        return None
    return state if (made_as, made_by) == (STATE_FORMAT, rule) else None


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value of an answer, each kind in its own line
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, PerDomain):
        return {domain.value: _plain(one) for domain, one in zip(DOMAINS, value, strict=True)}
    if hasattr(value, "_fields") or is_dataclass(value):
        return _named(value)
    return [_plain(one) for one in value]


def _named(value: Any) -> Plain:  # noqa: ANN401, PLR0911 - any record of an answer, each kind in its own line
    if isinstance(value, Reason):
        return {
            "code": value.code.value,
            "facts": {_STORED_AS.get(name, name): _plain(v) for name, v in value.facts},
        }
    names = value._fields if hasattr(value, "_fields") else tuple(one.name for one in fields(value))
    plain = {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, Criterion):
        return {"criterion": plain.pop("name"), **plain}
    if isinstance(value, Reference | NoReference):
        plain.pop("baseline", None)
        return {"kind": value.kind.value, **plain}
    if isinstance(value, DataQuality):
        return _quality(value, plain)
    if isinstance(value, Stretch):
        return plain | _days(value, "from_day", "to_day", "crossed_on")
    if isinstance(value, RecentDay):
        return {"day": date.fromordinal(value.day).isoformat(), **plain.pop("values"), **plain} | _days(
            value, "day"
        )
    return plain


def _quality(value: DataQuality, plain: Plain) -> Plain:
    """With what is derived for the reader: counts and gaps."""
    plain.pop("today")
    return plain | {
        "recent_days": [date.fromordinal(day).isoformat() for day in value.recent_days],
        "days_in_last_10": value.days_in_last_10,
        "median_gap_days": value.median_gap_days,
        "longest_gap_days": value.longest_gap_days,
    }


def _days(value: Any, *names: str) -> Plain:  # noqa: ANN401 - a record with day numbers
    """Day numbers as dates."""
    numbers = {name: getattr(value, name) for name in names}
    return {name: None if day is None else date.fromordinal(day).isoformat() for name, day in numbers.items()}


_NUMBERS_OF_FINDING: Final[dict[str, Any]] = {
    FindingCode.WORSE_THAN_BEFORE: tuple[WorseThanBefore, ...],
    FindingCode.ELEVATED_MOOD: tuple[ElevatedDay, ...],
    FindingCode.SILENT_AFTER_LOW: SilentAfterLow,
    FindingCode.CHECK_INS_AND_SCALE_DISAGREE: Disagreement,
    FindingCode.BOOSTERS_NOT_HOLDING: NotHolding,
    FindingCode.BELOW_BEST: BelowBest,
}
_types_of: Final = cache(get_type_hints)


def _read(kind: Any, plain: Any) -> Any:  # noqa: ANN401, PLR0911 - any value of an answer, each kind in its own line
    """A value of an answer, by the type of its field."""
    kinds, origin = get_args(kind), get_origin(kind)
    if plain is None:
        return None
    if origin in {Union, UnionType}:
        return _read(next(one for one in kinds if one is not NoneType), plain)
    if origin is PerDomain:
        return PerDomain(*(_read(kinds[0], plain[domain.value]) for domain in DOMAINS))
    if origin is tuple:
        each = itertools.repeat(kinds[0]) if kinds[-1] is Ellipsis else kinds
        return tuple(_read(one, value) for one, value in zip(each, plain, strict=False))
    if issubclass(kind, datetime | date | Enum):
        return kind(plain) if issubclass(kind, Enum) else kind.fromisoformat(plain)
    if kind is int and isinstance(plain, str):
        return date.fromisoformat(plain).toordinal()
    return _record(kind, plain) if isinstance(plain, dict) else plain


def _record(kind: Any, plain: Plain, **known: object) -> Any:  # noqa: ANN401 - any record of an answer
    """A record of an answer: what `_named` wrote, by the types of its fields; what is `known` is not read."""
    if kind is Reason:
        kind, facts = REASONS[ReasonCode(plain["code"])], plain["facts"]
        plain = facts | {name: facts[stored] for name, stored in _STORED_AS.items() if stored in facts}
    types = dict(_types_of(kind))
    if kind is Criterion:
        plain = plain | {"name": plain["criterion"]}
    elif kind is RecentDay:
        plain = plain | {"values": plain}
    elif kind is Finding:
        types["numbers"] = _NUMBERS_OF_FINDING[plain["code"]]
    names = kind._fields if hasattr(kind, "_fields") else tuple(one.name for one in fields(kind))
    said = {name: _read(types[name], plain[name]) for name in names if name in plain and name not in known}
    return kind(**said, **known)
