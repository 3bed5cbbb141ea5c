"""Which backups were made and tried, as the operator's status shows it. Written by the owner, who makes them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg
from sqlalchemy import select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.ids import new_id
from app.storage.engine.rows import FRONT_DESK, Row
from app.storage.engine.unit_of_work import UnitOfWork

_MADE: Final = (
    "INSERT INTO front_desk.backups (id, made_at, file_name, size, sha256) SELECT %(id)s, %(at)s, %(file)s, %(size)s,"
    " %(sha256)s WHERE NOT EXISTS (SELECT FROM front_desk.backups WHERE sha256 = %(sha256)s)"
)
_VERIFIED: Final = "UPDATE front_desk.backups SET verified_at = %s WHERE sha256 = %s"


class BackupRow(Row):
    """One backup that was written to its end."""

    __tablename__ = "backups"
    __table_args__ = ({"schema": FRONT_DESK},)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]
    file_name: Mapped[str]
    # In bytes.
    size: Mapped[int]
    sha256: Mapped[bytes]
    verified_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LastBackups:
    """When the last backup was made, and when one was last restored into a scratch database; None: never."""

    made_at: datetime | None
    file_name: str | None
    verified_at: datetime | None


async def last(work: UnitOfWork) -> LastBackups:
    """Find the last ones."""
    made = (
        await work.execute(
            select(BackupRow.made_at, BackupRow.file_name).order_by(BackupRow.made_at.desc()).limit(1)
        )
    ).one_or_none()
    verified = await work.execute(
        select(BackupRow.verified_at)
        .where(BackupRow.verified_at.is_not(None))
        .order_by(BackupRow.verified_at.desc())
        .limit(1)
    )
    return LastBackups(
        made_at=made and made.made_at,
        file_name=made and made.file_name,
        verified_at=verified.scalar_one_or_none(),
    )


def note_made(owner_url: str, *, at: datetime, file_name: str, size: int, sha256: bytes) -> None:
    """Keep that a backup was written to its end, once; ``size`` in bytes."""
    with psycopg.connect(_plain(owner_url)) as connection:
        # Before an upgrade there may be no such table yet.
        if connection.execute("SELECT to_regclass('front_desk.backups')").fetchone() == (None,):
            return
        facts = {"id": new_id(), "at": at, "file": file_name, "size": size, "sha256": sha256}
        connection.execute(_MADE, facts)


def note_verified(owner_url: str, *, at: datetime, sha256: bytes) -> None:
    """Keep that the backup with this hash was restored into a scratch database."""
    with psycopg.connect(_plain(owner_url)) as connection:
        connection.execute(_VERIFIED, [at, sha256])


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
