"""Who sent a request, as far as a disclosure needs to know: for which patient of which clinic it can be kept.

Nothing is opened by it: a token that expired or was revoked still says whose disclosure this is.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final
from uuid import UUID

from starlette.datastructures import Headers

from app.access.clinics import staff_sessions
from app.access.clinics.permissions import Permission, scope_may, scopes_allow
from app.care.patients.sealed_fields import chart_number_index
from app.care.patients.tablets import session_in
from app.context import Work
from app.foundation.audit import Actor, ActorKind
from app.foundation.tokens import TokenKind, TokenNotValidError, TokenReference, read_token
from app.foundation.vault import Vault
from app.storage import api_keys, device_tokens, patients

_TOKEN: Final = re.compile(r"ag[a-z]_[0-9a-f]{32}_[A-Za-z0-9_-]{20,100}")
_COOKIES: Final = ("afterglow-session", "afterglow-staff")
_PATIENTS_OWN: Final = (TokenKind.DEVICE_ACCESS, TokenKind.DEVICE_REFRESH, TokenKind.BROWSER)
_CLINICS: Final = (TokenKind.API_KEY, TokenKind.BACKEND_ACCESS, TokenKind.STAFF_SESSION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """The patient whom a disclosure is of."""

    id: UUID
    mode: str
    locale: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sent a request.

    Attributes:
        patient: whose own device it was, which shows the help at once; None: someone of the clinic.
    """

    actor: Actor
    patient: Patient | None = None


def credentials_in(headers: Headers, vault: Vault, *, on_tablet: bool) -> list[TokenReference]:
    """Give the tokens that came with a request, and can name a patient: in its header, then in its cookies.

    Not the cookies of what a browser sends for another site: that is another's word, and not the person's.
    """
    texts = _TOKEN.findall(headers.get("authorization", ""))
    if headers.get("sec-fetch-site", "none") in {"none", "same-origin"}:
        # Its cookie outlives the form; what staff send from there afterwards is not that patient's.
        texts += filter(None, [session_in(vault, headers.get("cookie", ""))] if on_tablet else [])
        texts += _from_cookies(headers.get("cookie", ""))
    return list(_read(texts))


async def sender_of(work: Work, credential: TokenReference) -> Sender | None:
    """Find whose credential this is, or was; None: it is nobody's, or may not enter what a patient reported."""
    if credential.kind in _PATIENTS_OWN:
        owner = await device_tokens.owner_of(work, credential.digest)
        if owner is None:
            return None
        patient = Patient(id=owner.patient_id, mode=owner.mode, locale=owner.locale)
        return Sender(actor=Actor(kind=ActorKind.DEVICE, id=owner.device_id), patient=patient)
    if credential.kind is TokenKind.STAFF_SESSION:
        # A member whose role may not do it has read the answer all the same, and so has one whose time ran out.
        member = await staff_sessions.member_of_ended(work, credential)
        return None if member is None else Sender(actor=Actor(kind=ActorKind.STAFF, id=member.staff_id))
    key = await api_keys.working_key(work, credential.digest)
    if key is None or not _may_enter(key.scopes):
        return None
    return Sender(actor=Actor(kind=ActorKind.API_KEY, id=key.id))


async def patient_named(work: Work, names: Sequence[str]) -> Patient | None:
    """Find the clinic's patient whom path or body names: by id, or by the clinic's own reference."""
    for name in names:
        patient_id = await _id_of(work, name)
        found = None if patient_id is None else await patients.find(work, patient_id)
        if found is not None:
            return Patient(id=found.id, mode=found.mode, locale=found.locale)
    return None


def _may_enter(scopes: frozenset[str]) -> bool:
    by_key = any(scope_may(scopes, one) for one in (Permission.TREATMENT_RECORD, Permission.CHECK_INS_IMPORT))
    return by_key or scopes_allow(scopes, "QuestionnaireResponse", "c")


async def _id_of(work: Work, name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return await patients.find_by_chart_number(work, chart_number_index(work, name))


def _from_cookies(header: str) -> Iterator[str]:
    try:
        cookies = SimpleCookie(header)
    except CookieError:
        return
    for name in _COOKIES:
        for written in (f"__Host-{name}", name):
            if written in cookies:
                yield cookies[written].value


def _read(texts: Sequence[str]) -> Iterator[TokenReference]:
    for text in dict.fromkeys(texts):
        try:
            yield read_token(text, *_PATIENTS_OWN, *_CLINICS)
        except TokenNotValidError:
            continue
