"""What was disclosed in a body as it was sent: thoughts of self-harm, or the answer to a scale's suicide item.

It errs on the side of hearing. Whether a request was read by a schema, which then means what it says, is for the
caller to know; ``Heard.plain`` says whether a schema can have read all of it.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_plus
from uuid import UUID

from app.care.disclosures.answers import folded, means_yes
from app.care.disclosures.bodies import MOST_BYTES, documents_of, form_document
from app.care.disclosures.documents import Document, Pairs, read_broken, read_json
from app.care.disclosures.forms import (
    form_triggers,
    item_trigger,
    keyed_trigger,
    labelled_trigger,
    matters_in_form,
    scale_named_by,
    scanned_triggers,
    texts_in,
)
from app.care.disclosures.names import is_statement, remembered, scale_of, squeezed
from app.care.disclosures.other_formats import from_base64, says_yes_in_binary
from app.clinical.protocol import SAFETY_ITEMS
from app.clinical.safety import OWN_STATEMENT, SafetyTrigger, Urgency

MOST_DISCLOSURES: Final = 200
# What a person writes is not looked into: a note that holds words, or JSON, is a note.
_FREE_TEXT: Final = frozenset(
    {"note", "notes", "comment", "comments", "text", "message", "reason", "remark", "name"}
)
# The fields in which a request's own language stands, and what a text begins with that holds a document.
_PROGRAMS: Final = frozenset({"query", "mutation", "graphql"})
_HOLDS_A_DOCUMENT: Final = re.compile(r"\s*(?:[{\[\"]|%7B|e[wy]|W3s|Wy|data:)")
# A table as an object: the names once, and the rows.
_COLUMNS: Final = frozenset({"columns", "column", "header", "headers", "fields", "names"})
_ROWS: Final = frozenset({"rows", "data", "values", "records"})
_ANSWERED: Final = ("val", "answer", "response", "selected", "checked", "result")
_SHORT_ANSWERED: Final = frozenset({"v", "bool", "boolean", "params", "arguments", "args"})
_TICKS: Final = ("select", "check", "tick", "flag", "yes", "true", "symptom", "reported")
_TIMES: Final = frozenset(
    {
        "takenat",
        "recordedat",
        "authored",
        "effectivedatetime",
        "completedat",
        "date",
        "on",
        "givenat",
        "answeredat",
    }
)
_PATIENT_KEYS: Final = frozenset(
    {
        "patientid", "patient", "patientref", "patientreference", "externalref", "externalreference", "subject",
        "subjectid", "mrn", "chartnumber", "participant", "participantid", "pid", "reference", "source",
    }
)  # fmt: skip
_REPORT_KEYS: Final = frozenset(
    {
        "recordedat",
        "takenat",
        "mood",
        "energy",
        "sleepquality",
        "scale",
        "items",
        "resource",
        "timezone",
        "inputmode",
    }
)
# What says something of the object that it stands in.
_OF_ITS_OBJECT: Final = _TIMES | _PATIENT_KEYS | _COLUMNS | _ROWS
# What changes when the very same form is sent once more.
_CHANGES: Final = frozenset({"form_token", "code", "csrf_token"})
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
# The id under which a phone or a page sends a report: in the path, or beside the answers.
_SENT_TO: Final = re.compile(rf"/v1/(?:check-ins|assessments)/({_UUID.pattern})/?", re.IGNORECASE)
_OWN_ID_KEYS: Final = frozenset({"id", "check_in_id", "form_id"})
_MOST_NAMES: Final = 20
_MOST_COLUMNS: Final = 500
_MOST_OBJECTS: Final = 50_000
_DEEP: Final = 4
# Reports lie near the top; deeper down, what is kept apart is no report.
_PLACE: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """Something that was disclosed.

    Attributes:
        trigger: what it asks for.
        place: the keys and list indices that lead to the report that it is in.
        said_in: that report, written in one way: the same again is the same disclosure. Never stored or logged.
        patients: what may name the patient, the nearest first: ids and the clinic's own references.
        taken_at: when the report says that it was given.
        report_id: the id under which its sender keeps it, and sends it again until it gets an answer.
    """

    trigger: SafetyTrigger
    place: tuple[str | int, ...] = ()
    said_in: str = ""
    patients: tuple[str, ...] = ()
    taken_at: datetime | None = None
    report_id: UUID | None = None

    @property
    def is_statement(self) -> bool:
        """Whether it is the patient's own statement, and not an answer to a scale's item."""
        return self.trigger.item is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What was heard in a body.

    Attributes:
        plain: the body is valid JSON without duplicate keys, so that a schema read all of it.
    """

    disclosures: tuple[Disclosure, ...] = ()
    plain: bool = True

    def __bool__(self) -> bool:
        """Whether anything was disclosed."""
        return bool(self.disclosures)


NOTHING: Final = Heard()


def disclosures_in(
    body: bytes,
    *,
    content_type: str = "",
    content_encoding: str = "",
    path: str = "",
    said_in_url: str = "",
    cut: bool = False,
) -> Heard:
    """Find what was disclosed in a body.

    Args:
        body: as it was sent, or its beginning.
        content_type: what the sender called it; it may be wrong.
        content_encoding: how it was packed.
        path: where it was sent.
        said_in_url: names and values that stand in the address itself.
        cut: there was more of it than this.
    """
    if said_in_url and (found := _found_in(form_document(said_in_url), path)):
        return Heard(disclosures=found, plain=False)
    plain = True
    for document in documents_of(body[:MOST_BYTES], content_type, content_encoding):
        if document.harmless and not cut:
            return NOTHING
        plain = document.plain and not cut and plain
        if found := _found_in(document, path, body):
            return Heard(disclosures=found[:MOST_DISCLOSURES], plain=plain)
    if not plain and says_yes_in_binary(body):
        said = Disclosure(trigger=OWN_STATEMENT, said_in=body.decode("latin-1"))
        return Heard(disclosures=(said,), plain=False)
    return Heard(plain=plain)


def last_look(body: bytes, *, path: str = "") -> Heard:
    """Find what plainly stands in a body that could not be read by our own fault."""
    text = body[:MOST_BYTES].decode("utf-8", "replace")
    found = [Disclosure(trigger=one, said_in=text) for one in scanned_triggers(text, path)]
    return Heard(disclosures=tuple(found[:1]), plain=False)


def disclosed_in_form(form: Mapping[str, str], *, path: str = "") -> tuple[Disclosure, ...]:
    """Find what was disclosed in a form's fields."""
    return _found_in(Document(value=Pairs(form.items()), whole=True), path)


def answer_asks_for(scale: str, answer: object) -> SafetyTrigger | None:
    """What an answer to a scale's suicide item asks for, as it was sent; None: nothing, or the scale has none."""
    return item_trigger(scale, answer) if scale in SAFETY_ITEMS else None


def _found_in(document: Document, path: str, body: bytes = b"") -> tuple[Disclosure, ...]:
    walk = _Walk(path)
    walk.through(document.value)
    found = walk.reports()
    whole = document.whole
    if not found and (document.mixed_up or walk.tired):
        whole, text = False, document.text or body.decode("utf-8", "replace")
        found = [Disclosure(trigger=one, patients=walk.patients) for one in scanned_triggers(text, path)]
    if not whole and found:
        # Which report it was in nobody can say: it is one.
        first = min(found, key=_by_urgency)
        found = [replace(first, place=(), said_in=document.text or body.decode("utf-8", "replace"))]
    return tuple(found)


class _Around(NamedTuple):
    """What is known of where the walk is."""

    place: tuple[str | int, ...] = ()
    # The object that is the report, and its place.
    report: Pairs | None = None
    report_place: tuple[str | int, ...] = ()
    scale: str | None = None
    patients: tuple[str, ...] = ()
    taken_at: datetime | None = None
    free: bool = False
    depth: int = 0


class _Walk:
    """Walks through a document to any depth, and gathers what is disclosed in it by report."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._found: dict[tuple[str | int, ...], Disclosure] = {}
        self._objects = 0
        # There is more than anybody sends; the rest is looked through without being read.
        self.tired = False
        self.patients: tuple[str, ...] = tuple(_UUID.findall(path))

    def through(self, value: object) -> None:
        """Look at everything in a document."""
        left: list[tuple[object, _Around]] = [
            (value, _Around(scale=scale_of(self._path), patients=self.patients))
        ]
        while left and not self.tired:
            one, around = left.pop()
            self._objects += isinstance(one, Pairs)
            self.tired = self._objects > _MOST_OBJECTS
            if isinstance(one, Pairs):
                left.extend(reversed(list(self._into_object(one, around))))
            elif isinstance(one, list):
                left.extend(reversed(list(_into_list(one, around))))
            elif isinstance(one, str) and not around.free and around.depth < _DEEP:
                inner = _document_in(one)
                if inner is not None:
                    left.append((inner, around._replace(depth=around.depth + 1)))

    def reports(self) -> list[Disclosure]:
        """Give what was disclosed, one for each report."""
        named = {one.said_in: one for one in reversed(self._found.values())}
        return list(reversed(named.values()))

    def _into_object(self, one: Pairs, around: _Around) -> Iterator[tuple[object, _Around]]:
        if any(_may_matter(key) for key, _ in one) or any(
            isinstance(value, str) and is_statement(value) for _, value in one
        ):
            around = self._at(one, around)
            for trigger in self._triggers(one, around):
                self._keep(trigger, around, one)
            for row in _rows_of(one):
                yield row, around
        elif _begins_report(one, around):
            around = around._replace(report=one, report_place=around.place)
        for key, value in one:
            if isinstance(value, str) and squeezed(key) in _PROGRAMS:
                # A document within a program, as GraphQL writes it.
                yield read_broken(value).value, _below(around, key, None, free=False)
                continue
            if isinstance(value, str) and not _HOLDS_A_DOCUMENT.match(value):
                continue
            if isinstance(value, list | str):
                yield value, _below(around, key, scale_of(key), free=squeezed(key) in _FREE_TEXT)

    def _at(self, one: Pairs, around: _Around) -> _Around:
        """Take up what this object says of everything in it."""
        patients = tuple(
            name for key, value in one if squeezed(key) in _PATIENT_KEYS for name in _names_of(value)
        )
        times = [at for key, value in one if squeezed(key) in _TIMES and (at := _time_of(value)) is not None]
        own = _begins_report(one, around)
        if patients:
            self.patients = (*self.patients, *patients)[:_MOST_NAMES]
        scale = scale_named_by(one) or around.scale
        if not own and not patients and not times and scale == around.scale:
            return around
        return around._replace(
            report=one if own else around.report,
            report_place=around.place if own else around.report_place,
            scale=scale,
            patients=(*patients, *around.patients)[:_MOST_NAMES] if patients else around.patients,
            taken_at=min(times) if times else around.taken_at,
        )

    def _triggers(self, one: Pairs, around: _Around) -> Iterator[SafetyTrigger]:
        for key, value in one:
            if is_statement(key):
                if means_yes(value):
                    yield OWN_STATEMENT
            elif (trigger := keyed_trigger(key, value)) is not None:
                yield trigger
            elif _is_ticked(key, value):
                yield OWN_STATEMENT
        if _labeled_statement(one):
            yield OWN_STATEMENT
        if (trigger := labelled_trigger(one)) is not None:
            yield trigger
        yield from form_triggers(one, around.scale)

    def _keep(self, trigger: SafetyTrigger, around: _Around, one: Pairs) -> None:
        place, report = around.report_place, around.report if around.report is not None else one
        new = Disclosure(
            trigger=trigger,
            place=place,
            said_in=_written(report),
            patients=around.patients or self.patients,
            taken_at=around.taken_at,
            report_id=_id_of(report, self._path),
        )
        known = self._found.get(place)
        if known is None or _by_urgency(new) < _by_urgency(known):
            self._found[place] = new


def _by_urgency(one: Disclosure) -> tuple[bool, bool]:
    return (one.trigger.urgency is not Urgency.URGENT, not one.is_statement)


def _into_list(many: Sequence[object], around: _Around) -> Iterator[tuple[object, _Around]]:
    pairs = Pairs(
        (one[0], one[1])
        for one in many
        if isinstance(one, list) and len(one) == 2 and isinstance(one[0], str)  # noqa: PLR2004 - a name and its value
    )
    if pairs:
        yield pairs, around
    if any(isinstance(one, str) and is_statement(one) for one in many):
        # Names and values in turn.
        yield (
            Pairs((one, said) for one, said in pairwise(many) if isinstance(one, str) and _is_plain(said)),
            around,
        )
    for at, value in enumerate(many):
        if isinstance(value, list | str):
            yield value, _below(around, at, None, free=around.free)


def _is_plain(value: object) -> bool:
    return isinstance(value, bool | int | float)


def _below(around: _Around, key: str | int, scale: str | None, *, free: bool) -> _Around:
    """What is known one step further down; in the depths, where nothing is added, it is not written again."""
    if len(around.place) == _PLACE and free == around.free and scale in {None, around.scale}:
        return around
    place = (*around.place, key)[:_PLACE]
    return around._replace(place=place, scale=scale or around.scale, free=free)


def _rows_of(one: Pairs) -> Iterator[Pairs]:
    """Give the rows of a table, each with the columns' names."""
    names = next((value for key, value in one if squeezed(key) in _COLUMNS and isinstance(value, list)), [])
    if not names or not all(isinstance(name, str) for name in names[:_MOST_COLUMNS]):
        return
    for key, value in one:
        if squeezed(key) in _ROWS and isinstance(value, list):
            rows = value if value and isinstance(value[0], list) else [value]
            for row in rows:
                yield (
                    Pairs(zip(names[:_MOST_COLUMNS], row, strict=False)) if isinstance(row, list) else Pairs()
                )


def _begins_report(one: Pairs, around: _Around) -> bool:
    """Whether what is disclosed in an object belongs to it, and not to an object around it."""
    return (
        around.report is None or not around.place or (isinstance(around.place[-1], int) and _is_report(one))
    )


@remembered
def _may_matter(name: str) -> bool:
    """Whether a pair of this name may say anything of itself or of what it stands in, whatever its value is."""
    return (
        is_statement(name)
        or folded(name).startswith(_TICKS)
        or not {squeezed(name)}.isdisjoint(_OF_ITS_OBJECT)
        or matters_in_form(name)
    )


def _is_report(one: Pairs) -> bool:
    names = {squeezed(key) for key, _ in one}
    return not names.isdisjoint(_REPORT_KEYS) or any(is_statement(key) for key, _ in one)


def _labeled_statement(one: Pairs) -> bool:
    """Whether an object names the statement in one field and its answer in another."""
    named = [
        key
        for key, value in one
        if (isinstance(value, str) and is_statement(value))
        or (squeezed(key) == "code" and any(is_statement(name) for name in texts_in(value)))
    ]
    if not named or any(is_statement(key) for key in named):
        return False
    answers = [
        value
        for key, value in one
        if key not in named and (folded(key).startswith(_ANSWERED) or folded(key) in _SHORT_ANSWERED)
    ]
    return any(means_yes(value) for value in answers)


def _is_ticked(key: str, value: object) -> bool:
    """Whether the statement is named among what was ticked."""
    if not folded(key).startswith(_TICKS):
        return False
    named = value if isinstance(value, list) and not isinstance(value, Pairs) else [value]
    return any(isinstance(name, str) and is_statement(name) for name in named)


def _document_in(text: str) -> object | None:
    """A document that was put into a text of another one."""
    start = text.lstrip()
    if start.startswith("%7B"):
        start = unquote_plus(start)
    if start.startswith("data:"):
        start = start.partition(",")[2]
    start = from_base64(start) or start
    if not start.startswith(("{", "[", '"')):
        return None
    read = read_json(start)
    return None if read is None or isinstance(read.value, int | float | bool | None) else read.value


def _names_of(value: object, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield from _UUID.findall(value[:400])
        yield value[:200]
    elif isinstance(value, list) and depth < _DEEP:
        for one in value[:_MOST_NAMES]:
            yield from _names_of(one[1] if isinstance(one, tuple) else one, depth + 1)


def _time_of(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _id_of(report: Pairs, path: str) -> UUID | None:
    sent_to = _SENT_TO.fullmatch(path)
    if sent_to is not None:
        return UUID(sent_to[1])
    ids = [value for key, value in report if key in _OWN_ID_KEYS and isinstance(value, str)]
    return UUID(ids[0]) if len(ids) == 1 and _UUID.fullmatch(ids[0]) else None


def _written(report: Pairs) -> str:
    """Write a report in one way, to a fixed depth: anything may be nested below."""
    return json.dumps(_plain(report, 0), sort_keys=True, default=str)


def _plain(value: object, depth: int) -> Any:  # noqa: ANN401 - plain values of any kind
    if isinstance(value, Pairs):
        if depth > _DEEP:
            return None
        return sorted(
            ([key, _plain(inner, depth + 1)] for key, inner in value[:200] if key not in _CHANGES), key=str
        )
    if isinstance(value, list):
        return None if depth > _DEEP else [_plain(one, depth + 1) for one in value[:200]]
    return value
