"""What one request disclosed: its body as far as it was read, what was found in it, and what became of that."""

import asyncio
import re
from collections.abc import Collection, Hashable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog
from starlette.datastructures import Headers
from starlette.types import Message, Scope

from app.care.alerts.safety_reports import MADE_NOW, SafetySource
from app.care.disclosures.bodies import MOST_BYTES
from app.care.disclosures.detector import Disclosure, Heard, disclosed_in_form, disclosures_in, last_look
from app.care.intake.reporting import Outcome, Pending, Report, help_alone_in, report_pending
from app.care.intake.speakers import credentials_in
from app.care.intake.spool import Spool
from app.context import AppContext
from app.foundation.logs import where
from app.foundation.networks import network_of

MOST_BYTES_OF_STRANGERS: Final = 64 * 1024
"""How much is looked at of a request that nobody can be named by."""
_WITHIN_SECONDS: Final = 5
# Longer ones are read beside the event loop, so that other requests are answered meanwhile.
_READ_AT_ONCE: Final = 32 * 1024

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

TABLET: Final = "/tablet"
"""Where the clinic's tablet sends the form that a patient filled in."""

NOW: Final[ContextVar["Hearing | None"]] = ContextVar("hearing", default=None)


class Hearing:
    """One request's hearing. It is asked at most once what it heard, and reports each disclosure at most once."""

    def __init__(self, context: AppContext, scope: Scope, spool: Spool | None) -> None:
        headers = Headers(scope=scope)
        self._context, self._spool = context, spool
        self._path = str(scope["path"])
        self._address = (scope.get("client") or ("",))[0]
        self._said_in_url = said_in_url(scope)
        self._content_type = headers.get("content-type", "")
        self._content_encoding = headers.get("content-encoding", "")
        self._language = headers.get("accept-language", "en").split(",")[0]
        self._credentials = credentials_in(headers, context.vault, on_tablet=self._path.rstrip("/") == TABLET)
        self._limit = MOST_BYTES if self._credentials else MOST_BYTES_OF_STRANGERS
        self._body = bytearray()
        self._cut = False
        self._heard: Heard | None = None
        self._reported: dict[tuple[str | int, ...], Outcome] = {}
        self.complete = False

    @property
    def sender(self) -> Hashable:
        """What distinguishes this request's sender from others: the credentials, or the network address."""
        return tuple(one.digest for one in self._credentials) or self._address

    @property
    def wants_more(self) -> bool:
        """Whether more of the body would still be looked at."""
        return not self.complete and len(self._body) < self._limit

    def take(self, message: Message) -> None:
        """Take what the request's body consists of, as it comes in."""
        if message["type"] != "http.request":
            return
        piece = message.get("body", b"")
        room = self._limit - len(self._body)
        self._body += piece[:room]
        self._cut = self._cut or len(piece) > room
        self.complete = not message.get("more_body", False)

    async def heard(self) -> Heard:
        """Give what was disclosed in the body as far as it came."""
        if self._heard is None:
            hear = partial(
                self._hear,
                bytes(self._body),
                content_type=self._content_type,
                content_encoding=self._content_encoding,
                path=self._path,
                said_in_url=self._said_in_url,
                cut=self._cut or not self.complete,
            )
            long = len(self._body) > _READ_AT_ONCE
            self._body = bytearray()
            self._heard = await asyncio.to_thread(hear) if long else hear()
        return self._heard

    def _hear(self, body: bytes, **sent: Any) -> Heard:  # noqa: ANN401 - what `disclosures_in` takes
        try:
            return disclosures_in(body, **sent)
        except Exception as error:  # noqa: BLE001 - a mistake of ours must neither silence nor stop the request
            structlog.get_logger().error(
                "safety.hearing_failed", error_type=type(error).__name__, error_at=where(error)
            )
            return last_look(body, path=self._path)

    async def heard_in_form(self, form: Mapping[str, str]) -> Heard:
        """Give what was disclosed in a form that a page has read, also behind a note that is longer than we read."""
        heard = await self.heard()
        if not heard:
            heard = self._heard = Heard(disclosures=disclosed_in_form(form, path=self._path), plain=False)
        return heard

    async def report(
        self, only: Collection[tuple[str | int, ...]] | None = None, *, failed: bool = False
    ) -> Outcome:
        """Make a safety event of each disclosure that has none yet; ``only`` those of the reports at these places.

        ``failed``: by our fault, so that the same report comes again under its own id, and is the same event.
        """
        heard = await self.heard()
        wanted = [one for one in heard.disclosures if only is None or one.place in only]
        new = [one for one in wanted if one.place not in self._reported]
        outcome = await self._report_now(new, failed=failed) if new else help_alone_in(self._language)
        self._reported |= dict.fromkeys((one.place for one in new), outcome)
        earlier = [self._reported[one.place] for one in wanted if one not in new]
        return outcome if new or not earlier else earlier[0]

    async def said_as(self, report_id: UUID) -> str | None:
        """Give the digest of what this request disclosed in the report of this id."""
        found = (await self.heard()).disclosures
        own = [one for one in found if one.report_id == report_id]
        # Staff's forms get their id from us.
        own = own or [one for one in found if one.report_id is None and len(found) == 1]
        return str(self._digest_of(own[0])) if own else None

    async def help_alone(self) -> Outcome:
        """Give the help for whoever sent this; it was reported already."""
        return await self._report_now([], failed=False)

    async def _report_now(self, disclosures: Sequence[Disclosure], *, failed: bool) -> Outcome:
        now = self._context.clock.now()
        pending = Pending(
            credentials=tuple(self._credentials),
            reports=tuple(self._report_of(one, now=now, failed=failed) for one in disclosures),
            received_at=now,
            language=self._language,
        )
        # In a separate task: a database that hangs may keep even giving up from ending.
        reporting = asyncio.create_task(report_pending(self._context, pending))
        done, _ = await asyncio.wait({reporting}, timeout=_WITHIN_SECONDS)
        failure = reporting.exception() if done else TimeoutError()
        if failure is None:
            return reporting.result()
        reporting.cancel()
        _log_failure(failure)
        # Waiting for the disk beside the event loop: others are answered meanwhile.
        spooled = (
            self._spool is not None
            and bool(pending.reports)
            and await asyncio.to_thread(self._spool.keep, pending, network=network_of(self._address))
        )
        return replace(help_alone_in(self._language), spooled=spooled)

    def _report_of(self, one: Disclosure, *, now: datetime, failed: bool) -> Report:
        source, refused = (
            (SafetySource.CHECK_IN, SafetySource.REFUSED_CHECK_IN)
            if one.is_statement
            else (SafetySource.ASSESSMENT, SafetySource.REFUSED_ASSESSMENT)
        )
        names_itself = one.report_id is not None or one.taken_at is not None
        comes_again = failed and one.report_id is not None
        # Said again hours later, what says neither its id nor its time is another report.
        when = [] if names_itself else [f"{now:%Y-%m-%dT%H}".encode()]
        return Report(
            source=source if comes_again else refused,
            source_id=one.report_id if comes_again and one.report_id else self._digest_of(one, *when),
            trigger=one.trigger,
            taken_at=one.taken_at,
            named=one.patients,
            said_as=str(self._digest_of(one)),
            names_itself=names_itself,
        )

    def _digest_of(self, one: Disclosure, *more: bytes) -> UUID:
        sent_to = self._path.rstrip("/") if self._path.startswith("/v1/") else ""
        said = one.said_in.encode("utf-8", "replace")
        return UUID(bytes=self._context.vault.digest(b"disclosure", sent_to.encode(), said, *more)[:16])


def said_in_url(scope: Scope) -> str:
    """Give the names and values that stand in a request's address, as a form writes them.

    Not of what only reads: whoever follows a link, or a program that looks at one, says nothing by it.
    """
    if scope["method"] in _READS:
        return ""
    in_path = [one for one in re.split("[/;]", str(scope["path"])) if "=" in one]
    return "&".join([scope["query_string"].decode("latin-1"), *in_path]).strip("&")


def made_now() -> list[UUID]:
    """The safety events that this request made by itself."""
    return MADE_NOW.get() or []


def _log_failure(error: BaseException) -> None:
    """Log that hearing or reporting failed, by the error's name and place only; the person gets the help."""
    structlog.get_logger().error(
        "safety.report_failed", error_type=type(error).__name__, error_at=where(error)
    )


async def report_disclosures(form: Mapping[str, str], *, failed: bool = False) -> Outcome:
    """Report what a page's form discloses, once, before the page is shown again; says what the clinic knows.

    ``failed``: by our fault, so that the same form is sent again.
    """
    hearing = NOW.get()
    if hearing is None or not await hearing.heard_in_form(form):
        return help_alone_in("")
    return await hearing.report(failed=failed)


async def disclosing_items(key: str = "items") -> set[int]:
    """Say which items of this request's batch disclose something."""
    hearing = NOW.get()
    if hearing is None:
        return set()
    return {place for one in (await hearing.heard()).disclosures if (place := _item_at(one, key)) is not None}


async def report_items(items: Collection[int], key: str = "items") -> None:
    """Report what these items of this request's batch disclose: they were not kept."""
    hearing = NOW.get()
    if hearing is not None and items:
        await hearing.report({(key, at) for at in items})


def _item_at(one: Disclosure, key: str) -> int | None:
    match one.place:
        case (str() as first, int() as at) if first == key:
            return at
        case _:
            return None


def as_document(outcome: Outcome, document: dict[str, Any]) -> dict[str, Any]:
    """Put the help, or the event for staff, into an answer that has none."""
    if "resourceType" in document:
        # FHIR's readers take no field that is not FHIR's.
        if outcome.event_ids and isinstance(issues := document.get("issue"), list):
            issues.append(_REPORTED)
    elif outcome.for_staff:
        if outcome.event_ids and not document.get("safety_event_id"):
            document["safety_event_id"] = str(outcome.event_ids[0])
    elif not document.get("crisis_help"):
        document["crisis_help"] = outcome.crisis_help
    return document


_REPORTED: Final = {
    "severity": "information",
    "code": "informational",
    "details": {"text": "What it discloses was reported to the clinic as a safety event."},
}
