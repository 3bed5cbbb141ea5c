"""Devices' tokens: access, refresh and browser; only digests are kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, exists, func, insert, select, update
from sqlalchemy.orm import Mapped, aliased, mapped_column

from app.storage.devices import DeviceRow
from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key
from app.storage.engine.unit_of_work import UnitOfWork


class DeviceTokenRow(TenantRow):
    """A token of a device; ``parent_id`` is the refresh token it was given for.

    A browser has one token, which is issued again, as the same text, while it is in use: ``issued_at`` moves.
    """

    __tablename__ = "device_tokens"
    __table_args__ = (
        clinic_foreign_key("device_id", of="devices"),
        UniqueConstraint("clinic_id", "digest"),
        CheckConstraint("kind in ('access', 'refresh', 'browser')", name="kind"),
        Index("ix_device_tokens_device", "clinic_id", "device_id"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    device_id: Mapped[UUID]
    kind: Mapped[str]
    digest: Mapped[bytes]
    parent_id: Mapped[UUID | None]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    first_used_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token to keep: only its digest."""

    id: UUID
    kind: str
    digest: bytes
    parent_id: UUID | None
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """A refresh token as presented: its own history, its successors' and its siblings'."""

    id: UUID
    device_id: UUID
    patient_id: UUID
    expires_at: datetime
    first_used_at: datetime | None
    revoked: bool
    successor_used: bool
    sibling_used: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInPatient:
    """Whose token this is, and since when the device and the token work."""

    patient_id: UUID
    device_id: UUID
    time_zone: str
    locale: str
    mode: str
    enrolled_at: datetime
    issued_at: datetime
    consent_version: str | None
    consent_withdrawn_at: datetime | None
    country: str | None
    archived_at: datetime | None
    clinic_name: str
    clinic_logo: str | None
    clinic_country: str | None
    crisis_phone_sealed: bytes | None
    crisis_lines: list[dict[str, Any]]


_SIGNED_IN: Final = """
    SELECT d.patient_id, d.id AS device_id, p.time_zone, p.locale, p.mode, d.enrolled_at, t.issued_at,
           s.consent_version, s.consent_withdrawn_at, p.country, p.archived_at, c.name AS clinic_name,
           l.digest AS clinic_logo,
           c.country AS clinic_country, c.crisis_phone_sealed, c.crisis_lines
      FROM care.device_tokens t
      JOIN care.devices d ON d.clinic_id = t.clinic_id AND d.id = t.device_id
      JOIN care.patients p ON p.clinic_id = d.clinic_id AND p.id = d.patient_id
      JOIN care.patient_states s ON s.clinic_id = p.clinic_id AND s.patient_id = p.id
      JOIN care.clinic_profiles c ON c.clinic_id = p.clinic_id
      LEFT JOIN care.clinic_logos l ON l.clinic_id = c.clinic_id
     WHERE t.clinic_id = %(clinic_id)s AND t.digest = %(digest)s AND t.kind = %(kind)s
       AND d.revoked_at IS NULL AND (%(now)s::timestamptz IS NULL OR t.expires_at > %(now)s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenOwner:
    """For whom a token speaks or spoke."""

    patient_id: UUID
    device_id: UUID
    locale: str
    mode: str


_OWNER: Final = """
    SELECT d.patient_id, d.id AS device_id, p.locale, p.mode
      FROM care.device_tokens t
      JOIN care.devices d ON d.clinic_id = t.clinic_id AND d.id = t.device_id
      JOIN care.patients p ON p.clinic_id = d.clinic_id AND p.id = d.patient_id
     WHERE t.clinic_id = %(clinic_id)s AND t.digest = %(digest)s
"""


async def add_tokens(work: UnitOfWork, device_id: UUID, tokens: list[NewToken], *, now: datetime) -> None:
    """Keep the tokens of one issue."""
    await work.execute(
        insert(DeviceTokenRow),
        [
            {
                "clinic_id": work.clinic_id,
                "id": token.id,
                "device_id": device_id,
                "kind": token.kind,
                "digest": token.digest,
                "parent_id": token.parent_id,
                "issued_at": now,
                "expires_at": token.expires_at,
                "first_used_at": None,
            }
            for token in tokens
        ],
    )


async def signed_in_patient(
    work: UnitOfWork, digest: bytes, *, kind: str, now: datetime | None
) -> SignedInPatient | None:
    """Find whose working token of this kind it is; without ``now``, also one whose time has run out.

    Asked with every page and every call of a phone, so it goes past SQLAlchemy.
    """
    found = await work.directly(
        _SIGNED_IN, {"clinic_id": work.clinic_id, "digest": digest, "kind": kind, "now": now}
    )
    return SignedInPatient(**found[0]._asdict()) if found else None


async def owner_of(work: UnitOfWork, digest: bytes) -> TokenOwner | None:
    """Say whose token this is or was, of whatever kind, also when it expired or its device was revoked.

    For a disclosure only: it opens nothing.
    """
    found = await work.directly(_OWNER, {"clinic_id": work.clinic_id, "digest": digest})
    return TokenOwner(**found[0]._asdict()) if found else None


async def extend(work: UnitOfWork, digest: bytes, *, expires_at: datetime, now: datetime) -> None:
    """Issue a browser's token again: the same text works until then."""
    await work.execute(
        update(DeviceTokenRow)
        .where(work.owns(DeviceTokenRow), DeviceTokenRow.digest == digest)
        .values(issued_at=now, expires_at=expires_at),
        unaudited="a browser in use stays signed in; its sign-in and its end are in the log",
    )


async def present_refresh_token(
    work: UnitOfWork, digest: bytes, *, at_once: timedelta
) -> RefreshToken | None:
    """Find a refresh token with what has become of its family; its device is locked until the end.

    Siblings that were issued within ``at_once`` of this token are not looked at: two processes of one phone
    asked at the same moment.
    """
    token = aliased(DeviceTokenRow)
    relative = aliased(DeviceTokenRow)
    used_relative = (work.owns(relative)) & (relative.kind == "refresh") & relative.first_used_at.is_not(None)
    device = await work.execute(
        select(DeviceRow.id)
        .join(token, (token.clinic_id == DeviceRow.clinic_id) & (token.device_id == DeviceRow.id))
        .where(work.owns(DeviceRow), token.digest == digest, token.kind == "refresh")
        .with_for_update(of=DeviceRow)
    )
    if device.one_or_none() is None:
        return None
    found = await work.execute(
        select(
            token.id,
            token.device_id,
            DeviceRow.patient_id,
            token.expires_at,
            token.first_used_at,
            DeviceRow.revoked_at.is_not(None).label("revoked"),
            exists().where(used_relative, relative.parent_id == token.id).label("successor_used"),
            exists()
            .where(
                used_relative,
                relative.parent_id == token.parent_id,
                relative.id != token.id,
                ~relative.issued_at.between(token.issued_at - at_once, token.issued_at + at_once),
            )
            .label("sibling_used"),
        )
        .join(DeviceRow, (DeviceRow.clinic_id == token.clinic_id) & (DeviceRow.id == token.device_id))
        .where(work.owns(token), token.digest == digest)
    )
    return RefreshToken(**found.one()._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it


async def mark_first_use(work: UnitOfWork, token_id: UUID, *, now: datetime) -> None:
    """Note the first time that a refresh token was used: from then on its predecessor is spent."""
    await work.execute(
        update(DeviceTokenRow)
        .where(
            work.owns(DeviceTokenRow),
            DeviceTokenRow.id == token_id,
            DeviceTokenRow.first_used_at.is_(None),
        )
        .values(first_used_at=now)
    )


async def last_issues(work: UnitOfWork, patient_id: UUID) -> dict[UUID, tuple[datetime, bool]]:
    """Say of each device that may speak for a patient when it last got a token, and whether it is a browser.

    A phone asks for a token every quarter of an hour that it is in use, a browser's is issued again every hour:
    that is as exactly as we know when it was used, and costs no write anywhere.
    """
    found = await work.execute(
        select(
            DeviceTokenRow.device_id,
            func.max(DeviceTokenRow.issued_at).label("last"),
            func.bool_or(DeviceTokenRow.kind == "browser").label("browser"),
        )
        .join(
            DeviceRow,
            (DeviceRow.clinic_id == DeviceTokenRow.clinic_id) & (DeviceRow.id == DeviceTokenRow.device_id),
        )
        .where(
            work.owns(DeviceTokenRow),
            DeviceRow.patient_id == patient_id,
            DeviceRow.revoked_at.is_(None),
        )
        .group_by(DeviceTokenRow.device_id)
    )
    return {row.device_id: (row.last, row.browser) for row in found}
