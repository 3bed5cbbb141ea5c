"""Looking at a database from outside, for the operator's commands: what it is, who we are in it, what waits."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg
from psycopg import Connection, sql
from sqlalchemy import text

from app.storage import clinics, outgoing_messages
from app.storage.engine.database import Database
from app.storage.engine.rows import CARE, FRONT_DESK, JOBS, PARTITIONS

_SERVER: Final = text(
    "SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int / 10000 "
    "AS major, clock_timestamp() AS now, setting AS wal_compression, enumvals AS wal_compressions "
    "FROM pg_settings WHERE name = 'wal_compression'"
)
_ROLE: Final = text(
    "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole OR rolcreatedb AS makes_others "
    "FROM pg_roles WHERE rolname = current_user"
)
# What a role may do as a member of another counts as its own.
_OWNED: Final = text(
    "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = ANY(:schemas) AND c.relkind IN ('r', 'p') "
    "AND pg_has_role(current_user, c.relowner, 'MEMBER') ORDER BY 1"
)
_OPEN_TABLES: Final = text(
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY(:schemas) "
    "AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity) ORDER BY 1"
)
_WAITING: Final = text(
    "SELECT d.state, count(*) AS number FROM deliveries d"
    " JOIN webhook_endpoints e ON e.clinic_id = d.clinic_id AND e.id = d.endpoint_id"
    # Nobody waits for what was meant for an address that the clinic took away itself.
    " WHERE d.state <> 'delivered' AND e.state <> 'removed' GROUP BY d.state"
)
_TENANT: Final = text("SELECT front_desk.tenant()")
NO_CLINIC: Final = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What the application role finds.

    Attributes:
        version: the server's version, for example "18.6".
        major: its major version.
        now: its clock.
        wal_compression: what it compresses pages in the write-ahead log with, "off", or "on", which is pglz.
        wal_compressions: what it could say there.
        role: who we are there.
        superuser: whether no rule binds that role.
        bypasses_security: whether row-level security does not bind it.
        makes_others: whether it may make roles or databases.
        owned: tables that the role owns, by itself or through another role.
        open_tables: tenants' tables on which row-level security is not forced.
    """

    version: str
    major: int
    now: datetime
    wal_compression: str
    wal_compressions: tuple[str, ...]
    role: str
    superuser: bool
    bypasses_security: bool
    makes_others: bool
    owned: tuple[str, ...]
    open_tables: tuple[str, ...]


async def inspect(database: Database) -> Inspection:
    """Look at the server and at our own role; needs no table of ours."""
    async with database.work(None) as work:
        server = (await work.execute(_SERVER)).one()
        role = (await work.execute(_ROLE)).one()
        owned = await work.execute(_OWNED, {"schemas": [CARE, FRONT_DESK, JOBS, PARTITIONS]})
        open_tables = await work.execute(_OPEN_TABLES, {"schemas": [CARE, PARTITIONS]})
        return Inspection(
            version=server.version,
            major=server.major,
            now=server.now,
            wal_compression=server.wal_compression,
            wal_compressions=tuple(server.wal_compressions),
            role=role.rolname,
            superuser=role.rolsuper,
            bypasses_security=role.rolbypassrls,
            makes_others=role.makes_others,
            owned=tuple(owned.scalars()),
            open_tables=tuple(open_tables.scalars()),
        )


async def names_a_clinic(database: Database) -> bool:
    """Say whether the database takes what this database's transactions say for the clinic that they name.

    Without a key nothing is proved: then this says whether it asks for no proof.
    """
    async with database.work(NO_CLINIC) as work:
        return (await work.execute(_TENANT)).scalar_one() is not None


async def every_clinic(database: Database) -> list[UUID]:
    """List all clinics, also the closed ones, whose data stays."""
    async with database.work(None) as work:
        return [clinic_id for clinic_id, _ in await clinics.every_clinic(work)]


async def open_clinics(database: Database) -> list[UUID]:
    """List all open clinics."""
    async with database.work(None) as work:
        return await clinics.open_clinics(work)


async def undelivered(database: Database) -> dict[str, int]:
    """Count the deliveries of all open clinics that have not arrived, by state."""
    counts: Counter[str] = Counter()
    for clinic_id in await open_clinics(database):
        async with database.work(clinic_id) as work:
            for row in await work.execute(_WAITING):
                counts[row.state] += row.number
    return dict(counts)


async def unsent_messages(database: Database, *, since: datetime) -> dict[str, int]:
    """Count over all open clinics what messages wait, and which failed since then, by channel and state."""
    counts: Counter[str] = Counter()
    for clinic_id in await open_clinics(database):
        async with database.work(clinic_id) as work:
            for (channel, state), number in (await outgoing_messages.not_sent(work, since=since)).items():
                counts[f"{channel} {state}"] += number
    return dict(counts)


def connections_of(connection: Connection, role: str) -> int:
    """Count who else is connected to this database as this role."""
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = %s", [role]
    ).fetchone()
    return int(row[0]) if row else 0


def contents(connection: Connection) -> tuple[int, int]:
    """Count the clinics and the patients, as the owner."""
    row = connection.execute(
        "SELECT (SELECT count(*) FROM front_desk.clinics), (SELECT count(*) FROM care.patients)"
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def make_scratch(superuser_url: str, *, database: str, owner: str, roles: Sequence[str]) -> None:
    """Make an empty database and the roles that a backup names, on a server that is thrown away afterwards."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        for role in roles:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        statement = sql.SQL("CREATE DATABASE {} OWNER {}")
        connection.execute(statement.format(sql.Identifier(database), sql.Identifier(owner)))
