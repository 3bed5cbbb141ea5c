"""Connecting a clinic's systems, and saying who of its staff someone is whom they name: an owner's doing alone."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from app.access.clinics.permissions import StaffRole
from app.context import Work
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.foundation.text import one_line
from app.interop.smart.json_web_tokens import read_keys
from app.interop.smart.single_sign_on import EHR, KEY_CELL, LABEL_CELL, SECRET_CELL, SIGN_IN
from app.notifications.transport.addresses import (
    AllowedNetworks,
    EndpointAddressRefusedError,
    parse_endpoint_url,
)
from app.storage import connected_systems, staff_members
from app.storage.connected_systems import ConnectedSystem, StaffIdentity

_KINDS: Final = frozenset({SIGN_IN, EHR})
_LONGEST: Final = 200
_ORIGIN: Final = re.compile(r"https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?", re.ASCII)


class SystemNotUsableError(RefusalError):
    """Give a name, the issuer's address with https, and the client id that it gave you."""

    code = "system-not-usable"


class OriginNotUsableError(RefusalError):
    """Pages that may show ours are named by their origins, such as https://ehr.example.org."""

    code = "origin-not-usable"


class SystemExistsError(RefusalError):
    """A system with this issuer is connected already; remove that one first."""

    kind = RefusalKind.CONFLICT
    code = "system-exists"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSystem:
    """A system as an owner describes it.

    Attributes:
        hosts: further hosts that it may name, such as the one that gives its tokens.
        role_claim: the claim that holds a person's groups.
        roles: which group has which role; empty: members keep the roles that they have.
        procedure_code: the EHR's code of a session, as system|code; empty: it is not read.
        chart_number_system: the system of the identifier that is the chart number; empty: the first one.
        hook_keys: the public keys by which its CDS Hooks calls are signed; empty: it calls none.
        hook_issuer: whom these calls name as issuer; empty: the issuer itself.
        frames: origins of the EHR's pages that may show ours within them, after a launch.
    """

    kind: str
    name: str
    issuer: str
    client_id: str
    secret: str = field(default="", repr=False)
    hosts: tuple[str, ...] = ()
    role_claim: str = "groups"
    roles: Mapping[str, StaffRole] = field(default_factory=dict)
    procedure_code: str = ""
    chart_number_system: str = ""
    hook_keys: str = ""
    hook_issuer: str = ""
    frames: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPerson:
    """Someone whom a system has named, with how it calls them."""

    identity: StaffIdentity
    label: str = field(repr=False)


async def connect(work: Work, new: NewSystem) -> ConnectedSystem:
    """Connect a system.

    Raises:
        SystemNotUsableError: something is missing, or the issuer cannot be reached by us.
        SystemExistsError: one with this issuer is connected.
        KeysNotUsableError: the keys of its calls cannot be believed.
        OriginNotUsableError: what may show our pages is no https origin.
    """
    named = [one_line(one) for one in (new.name, new.client_id, new.issuer)]
    if new.kind not in _KINDS or not all(0 < len(one) <= _LONGEST for one in named):
        raise SystemNotUsableError("#/name")
    try:
        parse_endpoint_url(
            named[2], allowed=AllowedNetworks.parse(work.context.webhook_allow), http_allowed=True
        )
    except EndpointAddressRefusedError:
        raise SystemNotUsableError("#/issuer") from None
    system_id = new_id()
    sealed = work.vault.seal(new.secret, clinic_id=work.clinic_id, row_id=system_id, **SECRET_CELL)
    system = ConnectedSystem(
        id=system_id,
        kind=new.kind,
        name=named[0],
        issuer=named[2],
        client_id=named[1],
        secret_sealed=sealed if new.secret else None,
        settings={
            "hosts": [urlsplit(f"https://{one}").netloc.lower() for one in new.hosts],
            "role_claim": new.role_claim,
            "roles": {group: role.value for group, role in new.roles.items()},
            "procedure_code": new.procedure_code,
            "chart_number_system": new.chart_number_system,
            "hook_keys": read_keys(new.hook_keys, pointer="#/hook_keys") if new.hook_keys else None,
            "hook_issuer": new.hook_issuer,
            "frames": [_origin(one) for one in new.frames],
        },
        created_at=work.real_now,
        key_sealed=_new_key(work, system_id) if new.kind == EHR else None,
    )
    if not await connected_systems.add(work, system):
        raise SystemExistsError("#/issuer")
    work.audit("connected_system.added", "connected_system", system.id)
    return system


def _origin(text: str) -> str:
    """Take the origin of pages that may show ours: it goes into a header as it is."""
    if len(text) > _LONGEST or _ORIGIN.fullmatch(text) is None:
        raise OriginNotUsableError("#/frames")
    return text


def _new_key(work: Work, system_id: UUID) -> bytes:
    from joserfc.jwk import ECKey  # noqa: PLC0415 - takes a third of a second to load; seldom needed

    key = ECKey.generate_key("P-384", {"kid": str(system_id)})
    text = json.dumps(key.as_dict(private=True))
    return work.vault.seal(text, clinic_id=work.clinic_id, row_id=system_id, **KEY_CELL)


async def public_keys(work: Work, system_id: UUID) -> dict[str, Any]:
    """Give the public half of our key for an EHR, as it asks for it.

    Raises:
        NotFoundError: the clinic has no such EHR.
    """
    from joserfc.jwk import ECKey  # noqa: PLC0415 - as above

    system = await connected_systems.find(work, system_id)
    if system is None or system.key_sealed is None:
        raise NotFoundError
    text = work.vault.open(system.key_sealed, clinic_id=work.clinic_id, row_id=system_id, **KEY_CELL)
    key = ECKey.import_key(json.loads(text)).as_dict(private=False)
    return {"keys": [{**key, "use": "sig", "alg": "ES384"}]}


async def disconnect(work: Work, system_id: UUID) -> None:
    """Let nobody come in by a system any more; sessions that are open stay.

    Raises:
        NotFoundError: it is not connected.
    """
    if not await connected_systems.remove(work, system_id):
        raise NotFoundError
    work.audit("connected_system.removed", "connected_system", system_id)


async def link_person(work: Work, identity_id: UUID, staff_id: UUID | None) -> None:
    """Say who of the staff someone is; None: nobody any more.

    Raises:
        NotFoundError: there is no such person or member.
    """
    if staff_id is not None and await staff_members.find(work, staff_id) is None:
        raise NotFoundError
    if not await connected_systems.link(work, identity_id, staff_id):
        raise NotFoundError
    work.audit(
        "staff_identity.linked" if staff_id else "staff_identity.unlinked", "staff_identity", identity_id
    )


async def named_people(work: Work) -> list[NamedPerson]:
    """List whom the systems have named."""
    return [
        NamedPerson(
            identity=one,
            label=work.vault.open(one.label_sealed, clinic_id=work.clinic_id, row_id=one.id, **LABEL_CELL),
        )
        for one in await connected_systems.identities(work)
    ]
