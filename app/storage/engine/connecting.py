"""The first connection to a database elsewhere: what is wrong with it, by name and with the remedy."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy.engine import make_url

from app.storage.engine.binaries import LocalDatabaseError
from app.storage.engine.database import SEARCH_PATH, SESSION_OPTIONS, SESSION_SETTINGS
from app.storage.engine.tenant_proof import TenantProof

_CONNECT_SECONDS: Final = 10


class DatabaseRefusesError(LocalDatabaseError):
    """{said} {fix}"""

    def __init__(self, said: str, fix: str) -> None:
        super().__init__(said=said, fix=fix)
        self.said, self.fix = said, fix


class RoleRefusedError(DatabaseRefusesError):
    """Wrong role: {said} {fix}"""


# What PostgreSQL, libpq or PgBouncer say, and what that means for whoever runs us. Their words are never shown: some
# quote what they were sent.
_MEANINGS: Final = (
    (
        ("password authentication failed", "no password supplied", "SASL authentication failed"),
        "The database refuses the role {role} with this password.",
        "Correct the password in {setting} (percent-encoded where it has signs such as @ or /).",
    ),
    (
        ("failed to resolve host", "could not translate host name"),
        "The database's host {host} is not known here.",
        "Correct the host in {setting}, or the name server.",
    ),
    (
        ("Connection refused", "No such file or directory"),
        "No database server answers at {host}:{port}.",
        "See that it runs and listens there, and the host and port in {setting}.",
    ),
    (
        ("timeout expired", "Connection timed out", "timed out"),
        "The database at {host}:{port} does not answer in time.",
        "See that it runs, and that no firewall is between.",
    ),
    (
        ("does not exist", "no such database"),
        "The database server knows no role {role}, or no database {database}.",
        "Make both as docs/operations.md says, or correct {setting}.",
    ),
    (
        ("no pg_hba.conf entry", "pg_hba.conf rejects"),
        "The database server lets the role {role} in from here under no rule.",
        "Add one to its pg_hba.conf (host … scram-sha-256), and TLS if it asks for that.",
    ),
    (
        ("SSL", "certificate"),
        "The database's TLS does not fit {setting}.",
        "See sslmode and sslrootcert there, and the server's certificate.",
    ),
    (
        (
            "too many clients",
            "remaining connection slots",
            "no more connections allowed",
            "too many connections",
        ),
        "The database takes no more connections.",
        "Lower AFTERGLOW_POOL_SIZE, raise max_connections, or put PgBouncer between.",
    ),
    (
        ("unsupported startup parameter",),
        "{setting} leads to a pooler such as PgBouncer.",
        "Name the server itself in AFTERGLOW_DIRECT_URL, then run `afterglow migrate` once.",
    ),
    (
        ("statement pooling",),
        "The pooler in front of the database pools statements, which takes transactions apart.",
        "Set pool_mode = transaction for this database in PgBouncer's settings.",
    ),
    (
        ("is starting up", "is shutting down", "in recovery mode"),
        "The database is starting or stopping.",
        "Wait, and look into its log.",
    ),
)


# Of the role that connects: may more than row-level security allows, owns the tables, may use them; who else may.
_RIGHTS: Final = """
    SELECT r.rolname, r.rolsuper OR r.rolbypassrls, coalesce(pg_has_role(c.relowner, 'MEMBER'), false),
           coalesce(has_table_privilege(c.oid, 'SELECT'), true) OR to_regnamespace('care') IS NULL,
           (SELECT string_agg(DISTINCT a.grantee::regrole::text, ', ') FROM aclexplode(c.relacl) AS a
             WHERE a.privilege_type = 'SELECT' AND a.grantee NOT IN (0, c.relowner))
      FROM pg_roles r LEFT JOIN pg_class c ON c.oid = to_regclass('public.schema_version')
     WHERE r.rolname = current_user
"""
# Of the owner's: what it is called and where it is, whether the application has part in it, owns the tables, may make
# some; who owns them.
_OWNERS_RIGHTS: Final = """
    SELECT current_user, current_database(),
           (SELECT pg_has_role(oid, current_user, 'MEMBER') FROM pg_roles WHERE rolname = %(application)s),
           pg_has_role(c.relowner, 'MEMBER'), has_database_privilege(current_database(), 'CREATE'),
           c.relowner::regrole::text
      FROM (SELECT) AS here LEFT JOIN pg_class c ON c.oid = to_regclass('public.schema_version')
"""


def connection_trouble(
    error: psycopg.Error, url: str, *, setting: str = "DATABASE_URL"
) -> DatabaseRefusesError:
    """Say in our words what kept us from the database."""
    parts = make_url(url)
    facts = {
        "role": parts.username or "",
        "host": parts.host or parts.query.get("host", "localhost"),
        "port": parts.port or 5432,
        "database": parts.database or "",
        "setting": setting,
    }
    text = str(error)
    for words, said, fix in _MEANINGS:
        if any(word in text for word in words):
            return DatabaseRefusesError(said.format(**facts), fix.format(**facts))
    return DatabaseRefusesError(
        f"The database does not answer ({type(error).__name__}).",
        "Check that it runs, and {setting}.".format(**facts),
    )


@contextmanager
def first_connection(
    url: str, *, setting: str = "DATABASE_URL", options: str = ""
) -> Iterator[psycopg.Connection]:
    """Connect, and name what is wrong.

    Raises:
        DatabaseRefusesError: it could not be reached, or did not do what was asked in the block.
    """
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    # Not in the URL: there SQLAlchemy writes blanks as libpq does not read them.
    plain = make_conninfo(plain, **({"options": options} if options else {}))
    try:
        with psycopg.connect(
            plain, autocommit=True, connect_timeout=_CONNECT_SECONDS, prepare_threshold=None
        ) as connection:
            yield connection
    except psycopg.Error as error:
        raise connection_trouble(error, url, setting=setting) from None


def check_reachable(url: str, *, direct_url: str | None) -> None:
    """Connect as the process will: straight, or through a pooler and past it.

    Raises:
        DatabaseRefusesError: one of them does not work, is a replica, or pools statements.
    """
    with first_connection(url, options="" if direct_url else SESSION_OPTIONS) as connection:
        with connection.transaction():
            connection.execute("SELECT 1")
        _refuse_replica(connection, "DATABASE_URL")
        if direct_url is not None:
            _refuse_without_settings(connection)
    if direct_url is not None:
        with first_connection(
            direct_url, setting="AFTERGLOW_DIRECT_URL", options=SESSION_OPTIONS
        ) as connection:
            _refuse_replica(connection, "AFTERGLOW_DIRECT_URL")


def check_role(url: str, *, setting: str = "DATABASE_URL") -> None:
    """Make sure that this role may do what the application does, and no more: row-level security has to bind it.

    Raises:
        RoleRefusedError: it has an owner's or a superuser's rights, or the tables were made for another role.
        DatabaseRefusesError: it could not be asked.
    """
    with first_connection(url, setting=setting) as connection:
        row = connection.execute(_RIGHTS).fetchone()
    role, unbound, owns, may_read, others = row or ("", False, False, True, None)
    if unbound or owns:
        raise RoleRefusedError(
            f"The role {role}, which {setting} names, has the rights of "
            f"{'a superuser' if unbound else 'the owner'}: nothing would part the clinics.",
            "Name the application's role there, as docs/operations.md makes it; AFTERGLOW_OWNER_URL has the owner's.",
        )
    if not may_read:
        raise RoleRefusedError(
            f"The tables of this database were made for another role than {role}.",
            f"Name that one in {setting}{f' ({others})' if others else ''}.",
        )


def check_owner(owner_url: str, *, application_role: str) -> None:
    """Make sure that the owner's way leads to the tables' owner, and that the application has no part in that role.

    Raises:
        DatabaseRefusesError: it does not, cannot be reached, or is a replica.
    """
    setting = "AFTERGLOW_OWNER_URL"
    with first_connection(owner_url, setting=setting) as connection:
        _refuse_replica(connection, setting)
        row = connection.execute(_OWNERS_RIGHTS, {"application": application_role}).fetchone()
    role, database, has_part, is_owner, may_make, owner = row or ("", "", False, True, True, None)
    if has_part is None:
        raise DatabaseRefusesError(
            f"The database server knows no role {application_role}.",
            "Make it as docs/operations.md says, or correct DATABASE_URL.",
        )
    if has_part:
        raise DatabaseRefusesError(
            f"The role {application_role}, which DATABASE_URL names, has the rights of the owner:"
            " nothing would part the clinics.",
            "Make two roles as docs/operations.md says: one for DATABASE_URL, one for AFTERGLOW_OWNER_URL.",
        )
    if is_owner is False:
        raise DatabaseRefusesError(
            f"The role {role} does not own this database's tables; {owner} does.",
            f"Name that one in {setting}.",
        )
    if not may_make:
        raise DatabaseRefusesError(
            f"The role {role} may make nothing in the database {database}.",
            f"Name the database's owner in {setting}.",
        )


def check_key(url: str, key: bytes | None) -> None:
    """Make sure that the encryption key is the one that this database was installed with.

    Raises:
        DatabaseRefusesError: it is another one; no clinic's row would be seen.
    """
    with first_connection(url) as connection, connection.transaction():
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        clinic_id = uuid4()
        said = TenantProof(key).said(clinic_id, row[0] if row else 0)
        connection.execute("SELECT set_config('app.clinic_id', %s, true)", [said])
        found = connection.execute("SELECT front_desk.tenant()").fetchone()
    if found is None or found[0] != clinic_id:
        raise DatabaseRefusesError(
            "The encryption key is not the one that this database was set up with.",
            "Give every process the same AFTERGLOW_ENCRYPTION_KEY.",
        )


def install_session_settings(owner_url: str) -> None:
    """Keep in the database itself what a pooler cannot pass on with a connection; as the owner.

    Raises:
        DatabaseRefusesError: the owner of the tables does not own the database.
    """
    with first_connection(owner_url, setting="AFTERGLOW_OWNER_URL") as connection:
        database = sql.Identifier(connection.info.dbname)
        for name, value in SESSION_SETTINGS.items():
            # A list is given as such: quoted as a whole it would be one name.
            values = sql.SQL(", ").join(map(sql.Literal, value.split(",")))
            statement = sql.SQL("ALTER DATABASE {} SET {} TO {}")
            connection.execute(statement.format(database, sql.Identifier(name), values))


def check_room(url: str, *, needed: int) -> None:
    """Make sure that the server takes as many connections as these processes may open.

    Raises:
        DatabaseRefusesError: it does not.
    """
    with first_connection(url) as connection:
        row = connection.execute(
            "SELECT current_setting('max_connections')::int"
            " - current_setting('superuser_reserved_connections')::int"
        ).fetchone()
    most = row[0] if row else 0
    if needed > most:
        raise DatabaseRefusesError(
            f"These processes may open {needed} connections, and the database takes {most}.",
            "Lower AFTERGLOW_POOL_SIZE or the number of processes, raise max_connections, or put PgBouncer between.",
        )


def leads_to_replica(url: str, *, setting: str) -> bool:
    """Connect, and say whether a replica answers.

    Raises:
        DatabaseRefusesError: nothing answers, or not as it should.
    """
    with first_connection(url, setting=setting, options=SESSION_OPTIONS) as connection:
        return _is_replica(connection)


def _is_replica(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
    return bool(row and row[0])


def _refuse_replica(connection: psycopg.Connection, setting: str) -> None:
    if _is_replica(connection):
        raise DatabaseRefusesError(
            f"{setting} leads to a replica, which takes no writes.", f"Name the primary in {setting}."
        )


def _refuse_without_settings(connection: psycopg.Connection) -> None:
    row = connection.execute(
        "SELECT current_setting('search_path'), EXISTS (SELECT FROM pg_db_role_setting s"
        " JOIN pg_database d ON d.oid = s.setdatabase AND d.datname = current_database()"
        " WHERE s.setrole = 0 AND replace('search_path=' || %s, ' ', '')"
        " = ANY (SELECT replace(one, ' ', '') FROM unnest(s.setconfig) AS one))",
        [SEARCH_PATH],
    ).fetchone()
    if row is not None and row[0].replace(" ", "") == SEARCH_PATH:
        return
    if row is not None and row[1]:
        raise DatabaseRefusesError(
            "The pooler holds connections from before `afterglow migrate` gave the database its settings.",
            "Have it open them again: RECONNECT in PgBouncer's console, or restart it.",
        )
    raise DatabaseRefusesError(
        "The database does not have the settings that a pooler cannot pass on.",
        "Run `afterglow migrate` with AFTERGLOW_DIRECT_URL set.",
    )
