"""The bulk export of a clinic: asked for, polled, and read type by type as lines of JSON.

Nothing is copied beforehand. The ticket in the addresses says what was asked for and when; a file is written while
it is read, patient by patient, of what was changed up to that time. So no copy of a clinic lies anywhere.
"""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter

from app.access.clinics.erased import PatientMergedError
from app.care.patients.queries import existing
from app.context import AppContext
from app.foundation.audit import Actor
from app.foundation.errors import NotFoundError
from app.foundation.tokens import base64url, from_base64url
from app.foundation.vault import CannotOpenError, Vault
from app.interop.fhir.catalogue import BY_NAME, RESOURCE_TYPES
from app.interop.fhir.codes import Json, instant
from app.interop.fhir.queries import of_subject
from app.interop.fhir.refusals import ParameterNotKnownError, ParameterNotReadableError
from app.interop.fhir.resource_type import ResourceType, subject_of
from app.storage import patients

NDJSON: Final = "application/fhir+ndjson"
_FORMATS: Final = frozenset({NDJSON, "application/ndjson", "ndjson"})
LASTS: Final = timedelta(hours=24)
"""How long the files can be read."""
_CELL: Final = {"table": "fhir_export", "column": "ticket"}
_PATIENTS_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What was asked for.

    Attributes:
        asked_at: files hold what was changed up to then.
        by: the key or member who asked, and alone may read it.
        since: only what was changed after that.
        free_text: also what patients wrote in their own words.
    """

    asked_at: datetime
    by: UUID
    types: tuple[str, ...]
    since: datetime | None = None
    free_text: bool = False

    def holds(self, resource: Json) -> bool:
        """Say whether a resource belongs in it, by when it was changed last."""
        changed = resource.get("meta", {}).get("lastUpdated")
        if changed is None:
            return True
        at = datetime.fromisoformat(changed)
        return at <= self.asked_at and (self.since is None or at > self.since)


_CONTENT: Final = TypeAdapter(Export)


def read_export(parameters: Sequence[tuple[str, str]], *, by: UUID, now: datetime) -> Export:
    """Read what is asked for.

    Raises:
        ParameterNotKnownError, ParameterNotReadableError: it cannot be read.
    """
    given = dict(parameters)
    for name in given:
        if name not in {"_outputFormat", "_since", "_type", "_freeText"}:
            raise ParameterNotKnownError(f"http.{name[:64]}")
    if given.get("_outputFormat", NDJSON).replace(" ", "+") not in _FORMATS:
        raise ParameterNotReadableError("http._outputFormat")
    if given.get("_freeText", "false") not in {"true", "false"}:
        raise ParameterNotReadableError("http._freeText")
    types = tuple(name for one, names in parameters if one == "_type" for name in names.split(","))
    every = tuple(one.name for one in RESOURCE_TYPES if one.in_copies)
    if not set(types) <= set(every):
        raise ParameterNotReadableError("http._type")
    return Export(
        asked_at=now,
        by=by,
        types=tuple(dict.fromkeys(types)) or every,
        since=_since(given.get("_since")),
        free_text=given.get("_freeText") == "true",
    )


def _since(written: str | None) -> datetime | None:
    if written is None:
        return None
    try:
        at = datetime.fromisoformat(written.replace(" ", "+"))
    except ValueError:
        raise ParameterNotReadableError("http._since") from None
    if at.tzinfo is None:
        raise ParameterNotReadableError("http._since")
    return at


def write_ticket(vault: Vault, clinic_id: UUID, export: Export) -> str:
    """Seal what was asked for into an address that only this clinic opens."""
    sealed = vault.seal(_CONTENT.dump_json(export).decode(), clinic_id=clinic_id, row_id=clinic_id, **_CELL)
    return base64url(sealed)


def read_ticket(vault: Vault, clinic_id: UUID, text: str, *, by: UUID, now: datetime) -> Export:
    """Open what was asked for.

    Raises:
        NotFoundError: it is another's, too old, or none.
    """
    try:
        sealed = from_base64url(text)
        export = _CONTENT.validate_json(vault.open(sealed, clinic_id=clinic_id, row_id=clinic_id, **_CELL))
    except (CannotOpenError, ValueError):
        raise NotFoundError from None
    if export.by != by or now >= export.asked_at + LASTS:
        raise NotFoundError
    return export


def manifest(export: Export, *, request_url: str, file_url: str) -> Json:
    """Say where the files are."""
    return {
        "transactionTime": instant(export.asked_at),
        "request": request_url,
        "requiresAccessToken": True,
        "output": [{"type": name, "url": f"{file_url}/{name}"} for name in export.types],
        "error": [],
    }


async def lines_of(
    context: AppContext, clinic_id: UUID, actor: Actor, export: Export, name: str
) -> AsyncIterator[bytes]:
    """Write one type's file, some patients at a time; each batch is read at one moment."""
    kind = BY_NAME[name]
    if kind.of_clinic is not None:
        async with context.work(
            clinic_id, actor=actor, snapshot=True, as_of_at_least=export.asked_at
        ) as work:
            for one in await kind.of_clinic(work):
                yield _line(one, export)
        return
    after: UUID | None = None
    while True:
        lines, after = await _some(context, clinic_id, actor, export, kind, after)
        for line in lines:
            yield line
        if after is None:
            return


async def _some(
    context: AppContext, clinic_id: UUID, actor: Actor, export: Export, kind: ResourceType, after: UUID | None
) -> tuple[list[bytes], UUID | None]:
    lines = []
    async with context.work(clinic_id, actor=actor, snapshot=True, as_of_at_least=export.asked_at) as work:
        listed = await patients.page(work, after=after, limit=_PATIENTS_AT_ONCE)
        for patient in listed:
            if patient.archived_at is not None and kind.name != "Patient":
                try:
                    await existing(work, patient.id)
                except PatientMergedError:
                    continue
            subject = await subject_of(work, patient)
            lines += [
                _line(one, export) for one in await of_subject(work, kind, subject) if export.holds(one)
            ]
    return lines, listed[-1].id if len(listed) == _PATIENTS_AT_ONCE else None


def _line(resource: Json, export: Export) -> bytes:
    if not export.free_text:
        # The one element that holds a person's own words.
        resource = {name: value for name, value in resource.items() if name != "note"}
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
