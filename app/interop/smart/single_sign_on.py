"""Staff who sign in elsewhere: at their clinic's own service (OpenID Connect), or out of its EHR (SMART App Launch).

The authorization code flow with state, nonce and PKCE. What we need on the way back travels sealed in ``state``, is
good for ten minutes, for the browser that began, and once. A person is known only after an owner linked them: never
by an address, which others could give themselves.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from app.access.clinics.permissions import StaffRole
from app.access.staff import login_throttle
from app.access.staff.commands import EVERY_ROLE, change_member
from app.access.staff.signing_in import SignedIn, opened_session
from app.context import AppContext, Work
from app.foundation.audit import Actor, ActorKind
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.foundation.tokens import base64url, from_base64url
from app.foundation.vault import CannotOpenError
from app.interop.smart.fetching import SystemAwayError, fetch_json, refuse_other_hosts
from app.interop.smart.json_web_tokens import TokenNotBelievedError, claims_in
from app.storage import backend_clients, connected_systems, staff_members
from app.storage.connected_systems import ConnectedSystem, StaffIdentity

LASTS: Final = timedelta(minutes=10)
SIGN_IN: Final = "sign_in"
EHR: Final = "ehr"
SECRET_CELL: Final = {"table": "connected_systems", "column": "secret_sealed"}
KEY_CELL: Final = {"table": "connected_systems", "column": "key_sealed"}
LABEL_CELL: Final = {"table": "staff_identities", "column": "label_sealed"}
_STATE_CELL: Final = {"table": "single_sign_on", "column": "state"}
_NOBODY: Final = UUID(int=0)
_LONGEST: Final = 200
# From the one that may most: who is in several groups has the highest role.
_ROLES: Final = (StaffRole.OWNER, StaffRole.CLINICIAN, StaffRole.COORDINATOR, StaffRole.READ_ONLY)


class NotBegunHereError(RefusalError):
    """This sign-in was not begun in this browser, took too long, or was used; please begin it again."""

    kind = RefusalKind.FORBIDDEN
    code = "not-begun-here"


class SignInDeclinedError(RefusalError):
    """The other system did not let you in; please try again, or sign in with your password."""

    kind = RefusalKind.FORBIDDEN
    code = "sign-in-declined"


class PersonNotLinkedError(RefusalError):
    """Nobody has said yet who of the staff you are; an owner of your clinic links you in the settings."""

    kind = RefusalKind.FORBIDDEN
    code = "person-not-linked"


class NoRoleForYouError(RefusalError):
    """None of your groups has a role at this clinic; an owner says in the settings which has."""

    kind = RefusalKind.FORBIDDEN
    code = "no-role-for-you"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Where the browser goes; ``frames`` are the origins of the EHR's pages that may show ours."""

    url: str
    frames: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """Who came back, signed in, and where they go on; ``patient`` is the EHR's id of the patient in the launch."""

    signed_in: SignedIn
    onward: str
    system_id: UUID
    patient: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    clinic_id: UUID
    system_id: UUID
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    anchor: str = field(repr=False)
    onward: str
    until: datetime
    asks_again: bool


async def start(
    context: AppContext,
    clinic_id: UUID,
    *,
    kind: str,
    anchor: str,
    onward: str,
    issuer: str | None = None,
    launch: str | None = None,
    ask_again: bool = False,
) -> Started:
    """Send someone to sign in elsewhere.

    Args:
        context: the process's context.
        clinic_id: which clinic's system.
        kind: ``sign_in`` or ``ehr``.
        anchor: what the browser is known by until it is signed in.
        onward: the page to go on to.
        issuer: the EHR that the launch names; None: the clinic's first one.
        launch: its word for what is open there; None: we were opened by ourselves, and it asks for the patient.
        ask_again: whoever comes back has signed in there since; a session that it still has is not enough.

    Raises:
        NotFoundError: the clinic has no such system.
        SystemAwayError, HostNotNamedError: it does not answer, or names another host.
    """
    async with context.work(clinic_id) as work:
        system = await connected_systems.of_kind(work, kind, issuer=issuer)
        now = work.real_now
    if system is None:
        raise NotFoundError
    known = await _discovered(context, system)
    refuse_other_hosts(system, known["authorization_endpoint"])
    state = _State(
        clinic_id=clinic_id,
        system_id=system.id,
        nonce=secrets.token_urlsafe(24),
        verifier=secrets.token_urlsafe(48),
        anchor=_fingerprint(anchor),
        onward=onward,
        until=now + LASTS,
        asks_again=ask_again,
    )
    asked = {
        "response_type": "code",
        "client_id": system.client_id,
        "redirect_uri": redirect_uri(context),
        "scope": _scope(kind, launch),
        "state": _sealed(context, state),
        "nonce": state.nonce,
        "code_challenge": base64url(hashlib.sha256(state.verifier.encode()).digest()),
        "code_challenge_method": "S256",
    }
    if kind == EHR:
        asked["aud"] = system.issuer
    if launch:
        asked["launch"] = launch
    if ask_again:
        asked |= {"prompt": "login", "max_age": "0"}
    mark = "&" if "?" in known["authorization_endpoint"] else "?"
    url = f"{known['authorization_endpoint']}{mark}{urlencode(asked)}"
    return Started(url=url, frames=tuple(system.settings.get("frames", ())))


def _scope(kind: str, launch: str | None) -> str:
    if kind == SIGN_IN:
        return "openid profile email"
    return f"{'launch' if launch else 'launch/patient'} openid fhirUser"


async def finish(
    context: AppContext, answer: Mapping[str, str], *, anchor: str, address: str, device_token: str
) -> Arrived:
    """Take someone back who has signed in elsewhere.

    Raises:
        NotBegunHereError: it was begun elsewhere, too long ago, or was finished before.
        SignInDeclinedError: the system said no, or what it says is not to be believed.
        SystemAwayError, HostNotNamedError: it does not answer, or names another host.
        PersonNotLinkedError: an owner has not linked this person.
        NoRoleForYouError: none of the person's groups has a role.
        TooManySignInsError: too many went wrong from this network address.
    """
    await login_throttle.count_from_network(context, address)
    state = await _taken(context, answer.get("state", ""), anchor=anchor)
    async with context.work(state.clinic_id) as work:
        system = await connected_systems.find(work, state.system_id)
    if system is None or "error" in answer or not answer.get("code"):
        raise SignInDeclinedError
    if answer.get("iss", system.issuer) != system.issuer:
        raise SignInDeclinedError
    known = await _discovered(context, system)
    given = await _exchanged(context, system, known, state, answer["code"])
    claims = await _believed(context, system, known, str(given.get("id_token", "")), state)
    signed_in = await _signed_in(context, state, system, claims, device_token=device_token)
    await login_throttle.forgive_network(context, address)
    patient = given.get("patient")
    return Arrived(
        signed_in=signed_in,
        onward=state.onward,
        system_id=system.id,
        patient=patient if isinstance(patient, str) else None,
    )


def redirect_uri(context: AppContext) -> str:
    """Give the address to which every system sends people back."""
    return f"{context.public_url}/care/sign-in/callback"


async def _discovered(context: AppContext, system: ConnectedSystem) -> dict[str, Any]:
    """Ask a system where it does what."""
    base = system.issuer.rstrip("/")
    known = await fetch_json(
        context, system, f"{base}/.well-known/{'smart' if system.kind == EHR else 'openid'}-configuration"
    )
    if system.kind == SIGN_IN and known.get("issuer") != system.issuer:
        raise SystemAwayError
    if not all(
        isinstance(known.get(name), str) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
    ):
        raise SystemAwayError
    return known


async def _exchanged(
    context: AppContext, system: ConnectedSystem, known: Mapping[str, Any], state: _State, code: str
) -> dict[str, Any]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri(context),
        "code_verifier": state.verifier,
        "client_id": system.client_id,
    }
    headers = {}
    if system.secret_sealed is not None:
        secret = context.vault.open(
            system.secret_sealed, clinic_id=state.clinic_id, row_id=system.id, **SECRET_CELL
        )
        basic = base64.b64encode(f"{system.client_id}:{secret}".encode()).decode()
        headers["authorization"] = f"Basic {basic}"
    return await fetch_json(context, system, known["token_endpoint"], form=form, headers=headers)


async def _believed(
    context: AppContext, system: ConnectedSystem, known: Mapping[str, Any], token: str, state: _State
) -> dict[str, Any]:
    """Give what the system says of the person, signed by its own key, for us and for this very sign-in."""
    keys = await fetch_json(context, system, known["jwks_uri"])
    issuer = known.get("issuer", system.issuer) if system.kind == EHR else system.issuer
    try:
        claims = claims_in(token, keys, issuer=issuer, audience=system.client_id, now=context.clock.now())
    except TokenNotBelievedError:
        raise SignInDeclinedError from None
    subject = claims.get("sub")
    if claims.get("nonce") != state.nonce or not isinstance(subject, str) or not subject:
        raise SignInDeclinedError
    if state.asks_again and not _signed_in_since(state, claims.get("auth_time")):
        raise SignInDeclinedError
    return claims


def _signed_in_since(state: _State, auth_time: object) -> bool:
    """Say whether the person signed in there after we asked; whoever is asked for ``max_age`` must say when."""
    began = int((state.until - LASTS).timestamp())
    return isinstance(auth_time, int | float) and auth_time >= began


async def _signed_in(
    context: AppContext,
    state: _State,
    system: ConnectedSystem,
    claims: Mapping[str, Any],
    *,
    device_token: str,
) -> SignedIn:
    identity = await _identity(context, state, system, claims)
    if identity.staff_id is None:
        raise PersonNotLinkedError
    role = _role_in(system, claims)
    actor = Actor(kind=ActorKind.STAFF, id=identity.staff_id)
    async with context.work(state.clinic_id, actor=actor) as work:
        member = await staff_members.find(work, identity.staff_id)
        if member is None or member.state != "active":
            raise PersonNotLinkedError
        if role is not None and role.value != member.role:
            await _take_role(work, member.id, role, version=member.version)
        if not await staff_members.sign_in(work, identity.staff_id, step=None, password_hash=None):
            raise PersonNotLinkedError
        work.audit("staff.signed_in_elsewhere", "staff", identity.staff_id)
        return await opened_session(work, identity.staff_id, device_token=device_token)


async def _identity(
    context: AppContext, state: _State, system: ConnectedSystem, claims: Mapping[str, Any]
) -> StaffIdentity:
    """Note whom the system names, also whom nobody has linked: an owner sees who waits."""
    identity_id, vault = new_id(), context.vault
    label = next((str(claims[one]) for one in ("name", "email", "fhirUser", "sub") if claims.get(one)), "")
    async with context.work(state.clinic_id) as work:
        found = await connected_systems.note_identity(
            work,
            StaffIdentity(
                id=identity_id,
                system_id=system.id,
                subject_digest=vault.digest(
                    b"staff identity", state.clinic_id.bytes, system.id.bytes, str(claims["sub"]).encode()
                ),
                label_sealed=vault.seal(
                    label[:_LONGEST], clinic_id=state.clinic_id, row_id=identity_id, **LABEL_CELL
                ),
                staff_id=None,
                seen_at=work.real_now,
            ),
        )
        work.audit("staff_identity.named", "staff_identity", found.id)
    return found


def _role_in(system: ConnectedSystem, claims: Mapping[str, Any]) -> StaffRole | None:
    """Give the role that the person's groups have; None: the clinic maps none, and the member's own stays.

    Raises:
        NoRoleForYouError: the clinic maps groups, and none of theirs is among them.
    """
    mapped: dict[str, str] = system.settings.get("roles", {})
    if not mapped:
        return None
    claimed = claims.get(system.settings.get("role_claim", "groups"), [])
    groups = claimed if isinstance(claimed, list) else [claimed]
    for role in _ROLES:
        if any(mapped.get(str(one)) == role.value for one in groups):
            return role
    raise NoRoleForYouError


async def _take_role(work: Work, staff_id: UUID, role: StaffRole, *, version: int) -> None:
    """Give a member the role of their groups; a clinic's last owner stays one."""
    try:
        async with work.attempt():
            await change_member(work, staff_id, name=None, role=role, version=version, may_make=EVERY_ROLE)
    except RefusalError:
        work.audit("staff.role_kept", "staff", staff_id)


async def _taken(context: AppContext, text: str, *, anchor: str) -> _State:
    """Open a state of ours, once, in the browser that began with it."""
    try:
        said = json.loads(
            context.vault.open(from_base64url(text), clinic_id=_NOBODY, row_id=_NOBODY, **_STATE_CELL)
        )
    except (CannotOpenError, ValueError):
        raise NotBegunHereError from None
    state = _State(
        clinic_id=UUID(said["clinic_id"]),
        system_id=UUID(said["system_id"]),
        nonce=said["nonce"],
        verifier=said["verifier"],
        anchor=said["anchor"],
        onward=said["onward"],
        until=datetime.fromisoformat(said["until"]),
        # Not in those that were begun before an update.
        asks_again=said.get("asks_again", False),
    )
    async with context.work(state.clinic_id) as work:
        in_time = work.real_now < state.until and secrets.compare_digest(state.anchor, _fingerprint(anchor))
        digest = context.vault.digest(b"state", text.encode())
        if not in_time or not await backend_clients.spend(work, digest, expires_at=state.until):
            raise NotBegunHereError
    return state


def _sealed(context: AppContext, state: _State) -> str:
    said = {
        "clinic_id": str(state.clinic_id),
        "system_id": str(state.system_id),
        "nonce": state.nonce,
        "verifier": state.verifier,
        "anchor": state.anchor,
        "onward": state.onward,
        "until": state.until.isoformat(),
        "asks_again": state.asks_again,
    }
    return base64url(context.vault.seal(json.dumps(said), clinic_id=_NOBODY, row_id=_NOBODY, **_STATE_CELL))


def _fingerprint(anchor: str) -> str:
    return hashlib.sha256(anchor.encode()).hexdigest()
