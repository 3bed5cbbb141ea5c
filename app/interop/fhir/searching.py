"""The search parameters of a request, read once: what is not understood is refused by name, never ignored."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from app.interop.fhir.codes import Json
from app.interop.fhir.refusals import (
    CountNotPossibleError,
    ParameterNotKnownError,
    ParameterNotReadableError,
    PatientElsewhereError,
)
from app.interop.fhir.resource_type import ResourceType

PAGE_SIZE: Final = 50
MOST_ON_A_PAGE: Final = 200
_CONTROL: Final = frozenset({"_id", "_lastUpdated", "_count", "_include", "_page", "_format", "patient"})
_PREFIXES: Final = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb")
_DATE: Final = re.compile(
    r"(?P<prefix>[a-z]{2})?(?P<year>\d{4})(-(?P<month>\d{2})(-(?P<day>\d{2})"
    r"(T(?P<hour>\d{2}):(?P<minute>\d{2})(:(?P<second>\d{2})(\.\d+)?)?(?P<zone>Z|[+-]\d{2}:\d{2})?)?)?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when a date lasts; the end is not in it."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for; all of the filters must hold."""

    filters: tuple[Callable[[Json], bool], ...]
    ids: frozenset[str] | None = None
    patients: tuple[UUID, ...] | None = None
    count: int = PAGE_SIZE
    with_patient: bool = False
    page: str | None = None

    def holds(self, resource: Json) -> bool:
        """Say whether a resource is looked for."""
        return (self.ids is None or resource["id"] in self.ids) and all(one(resource) for one in self.filters)


def read_search(kind: ResourceType, parameters: Sequence[tuple[str, str]], *, base_url: str) -> Search:
    """Read the parameters of a search.

    Raises:
        ParameterNotKnownError: one is not known, or has a modifier that is not.
        ParameterNotReadableError: the value of one is not of its type.
        CountNotPossibleError: the page would have no room, or too much.
        PatientElsewhereError: the patient is another server's.
    """
    for name, value in parameters:
        _refuse_unknown(kind, name)
        if not value:
            raise ParameterNotReadableError(f"http.{name}")
    given = _by_name(parameters)
    counts = given.get("_count", [str(PAGE_SIZE)])
    return Search(
        filters=tuple(_filters(kind, parameters)),
        ids=_alternatives(given.get("_id")),
        patients=_patients(given.get("patient"), base_url),
        count=_count(counts[-1]),
        with_patient=_includes_patient(kind, given.get("_include", [])),
        page=given["_page"][-1] if "_page" in given else None,
    )


def _refuse_unknown(kind: ResourceType, name: str) -> None:
    known = {*_CONTROL, *kind.dates, *kind.tokens}
    if kind.of_patient is None or kind.name == "Patient":
        known.discard("patient")
    if kind.of_patient is None:
        known.discard("_lastUpdated")
    if name not in known:
        raise ParameterNotKnownError(f"http.{name[:64]}")


def _by_name(parameters: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    given: dict[str, list[str]] = {}
    for name, value in parameters:
        given.setdefault(name, []).append(value)
    return given


def _filters(kind: ResourceType, parameters: Iterable[tuple[str, str]]) -> Iterator[Callable[[Json], bool]]:
    for name, value in parameters:
        if name in kind.tokens:
            yield _token_filter(kind.tokens[name], value.split(","))
        elif name in kind.dates or name == "_lastUpdated":
            element = "meta.lastUpdated" if name == "_lastUpdated" else kind.dates[name]
            yield _date_filter(element, [_read_date(one, name) for one in value.split(",")])


def _alternatives(values: Sequence[str] | None) -> frozenset[str] | None:
    if values is None:
        return None
    each = [frozenset(one.split(",")) for one in values]
    return frozenset.intersection(*each)


def _patients(values: Sequence[str] | None, base_url: str) -> tuple[UUID, ...] | None:
    found = _alternatives(values)
    if found is None:
        return None
    try:
        return tuple(sorted(UUID(_local(one, base_url)) for one in found))
    except ValueError:
        raise PatientElsewhereError("http.patient") from None


def _local(reference: str, base_url: str) -> str:
    return reference.removeprefix(f"{base_url}/").removeprefix("Patient/")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MOST_ON_A_PAGE)) and int(text)):
        raise CountNotPossibleError("http._count")
    # More than a page holds is what a page holds, as FHIR lets a server decide.
    return min(int(text), MOST_ON_A_PAGE)


def _includes_patient(kind: ResourceType, wanted: Sequence[str]) -> bool:
    for one in wanted:
        if kind.patient is None or one not in {f"{kind.name}:patient", f"{kind.name}:{kind.patient}"}:
            raise ParameterNotReadableError("http._include")
    return bool(wanted)


def _token_filter(element: str, alternatives: Sequence[str]) -> Callable[[Json], bool]:
    def holds(resource: Json) -> bool:
        found = list(_tokens_in(resource.get(element)))
        return any(_same_token(one, code) for one in alternatives for code in found)

    return holds


def _tokens_in(value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any element
    """Give what a token search can find in an element, each as system and code."""
    match value:
        case bool():
            yield "", str(value).lower()
        case str():
            yield "", value
        case list():
            for one in value:
                yield from _tokens_in(one)
        case {"coding": list() as codings}:
            yield from _tokens_in(codings)
        case {"reference": str() as reference}:
            yield "", reference
        case {"code": str() as code} | {"value": str() as code}:
            yield value.get("system", ""), code


def _same_token(wanted: str, found: tuple[str, str]) -> bool:
    system, bar, code = wanted.rpartition("|")
    if not bar:
        return wanted == found[1]
    return system == found[0] and code in {"", found[1]}


@dataclass(frozen=True, slots=True)
class _WantedDate:
    prefix: str
    span: Span


def _read_date(text: str, name: str) -> _WantedDate:
    # A plus sign that was not escaped arrives as a blank.
    written = _DATE.fullmatch(text.replace(" ", "+"))
    prefix = (written and written["prefix"]) or "eq"
    if written is None or prefix not in _PREFIXES:
        raise ParameterNotReadableError(f"http.{name}")
    try:
        return _WantedDate(prefix, span_of(text.replace(" ", "+").removeprefix(written["prefix"] or "")))
    except (ValueError, OverflowError):
        raise ParameterNotReadableError(f"http.{name}") from None


def span_of(text: str) -> Span:
    """Give from when to when a FHIR date lasts, as exactly as it is written; without a zone, in UTC.

    Raises:
        ValueError: it is no date.
    """
    year, month, day = (*(int(part) for part in text[:10].split("-")), 0, 0)[:3]
    if "T" not in text:
        start = datetime(year, month or 1, day or 1, tzinfo=UTC)
        if day:
            return Span(start, start + timedelta(days=1))
        return Span(
            start,
            start.replace(
                year=year + month // 12 if month else year + 1, month=month % 12 + 1 if month else 1
            ),
        )
    at = datetime.fromisoformat(text)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    lasts = timedelta(minutes=1) if len(text) < len("2026-11-03T08:15:0") else timedelta(seconds=1)
    return Span(at, at + (lasts if "." not in text else timedelta(milliseconds=1)))


def _date_filter(element: str, alternatives: Sequence[_WantedDate]) -> Callable[[Json], bool]:
    def holds(resource: Json) -> bool:
        span = _span_in(resource, element)
        return span is not None and any(_compare(one, span) for one in alternatives)

    return holds


def _span_in(resource: Json, element: str) -> Span | None:
    value: Any = resource
    for part in element.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, str):
        return span_of(value)
    if isinstance(value, Mapping):
        start = span_of(value["start"]).start if "start" in value else _EVER.start
        return Span(start, span_of(value["end"]).end if "end" in value else _EVER.end)
    return None


_EVER: Final = Span(datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))


def _compare(wanted: _WantedDate, found: Span) -> bool:
    asked = wanted.span
    inside = asked.start <= found.start and found.end <= asked.end
    after, before = found.end > asked.end, found.start < asked.start
    return {
        "eq": inside,
        "ne": not inside,
        "gt": after,
        "lt": before,
        "ge": after or inside,
        "le": before or inside,
        "sa": found.start >= asked.end,
        "eb": found.end <= asked.start,
    }[wanted.prefix]
