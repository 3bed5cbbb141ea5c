"""What `afterglow doctor` looks at in the database: schema, roles, row-level security, clock, deliveries."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from app.care.patients.queries import patient_of
from app.cli.doctor_findings import Finding, Verdict, good, unusual, wrong
from app.cli.runtime import Runtime, find_runtime
from app.context import AppContext
from app.foundation.keyset import KeyFileError, Keyset, read_keyset
from app.foundation.vault import CannotOpenError
from app.settings import Settings, revealed
from app.storage import heartbeats, operation_figures, patients
from app.storage.engine.binaries import OLDEST_MAJOR, LocalDatabaseError
from app.storage.engine.connecting import (
    DatabaseRefusesError,
    RoleRefusedError,
    check_owner,
    check_reachable,
    check_role,
    leads_to_replica,
)
from app.storage.engine.database import Database, role_of
from app.storage.engine.embedded.server_settings import CHEAP_COMPRESSIONS
from app.storage.engine.health import failures_named
from app.storage.engine.migrating import APPLICATION_ROLE, SchemaBehindError, SchemaNewerError, check_schema
from app.storage.inspection import (
    Inspection,
    inspect,
    names_a_clinic,
    open_clinics,
    undelivered,
    unsent_messages,
)

_ANSWER_WITHIN_SECONDS: Final = 20
_NOTICEABLE_SKEW_SECONDS: Final = 2
_WRONG_SKEW_SECONDS: Final = 30
_FAILED_LATELY: Final = timedelta(days=7)


def check_elsewhere(settings: Settings) -> Iterator[Finding]:
    """Check the database that DATABASE_URL names."""
    if settings.database_url is None or settings.encryption_key is None:
        return
    yield _owner(settings, settings.database_url.get_secret_value())
    try:
        keyset = read_keyset(settings.encryption_key.get_secret_value())
    except KeyFileError:
        return  # the machine's part says so
    yield from _check(settings, settings.database_url.get_secret_value(), keyset)


def _owner(settings: Settings, url: str) -> Finding:
    owner_url = revealed(settings.owner_url)
    if owner_url is None:
        return unusual(
            "AFTERGLOW_OWNER_URL is not set.", "Set it where migrate, backup and restore are to be run."
        )
    try:
        check_owner(owner_url, application_role=role_of(url) or APPLICATION_ROLE)
    except DatabaseRefusesError as error:
        return wrong(f"Of AFTERGLOW_OWNER_URL: {error.said}", error.fix)
    return good("AFTERGLOW_OWNER_URL leads to the owner of the tables")


def check_embedded(settings: Settings) -> Iterator[Finding]:
    """Check the embedded database, starting it for as long as that takes when nobody runs it."""
    try:
        with find_runtime(settings) as runtime:
            yield from _check(settings, runtime.application_url, runtime.keyset)
    except LocalDatabaseError as error:
        yield wrong("The embedded database does not run.", str(error))
    except (KeyFileError, OSError):
        return  # the machine's part says so


def _check(settings: Settings, url: str, keyset: Keyset) -> Iterator[Finding]:
    try:
        check_reachable(url, direct_url=revealed(settings.direct_url))
        if settings.replica_url is not None:
            yield _replica(settings.replica_url.get_secret_value())
        with failures_named():
            found, skew = asyncio.run(_inspected(_database(settings, url)))
    except DatabaseRefusesError as error:
        yield wrong(error.said, error.fix)
        return
    except (LocalDatabaseError, TimeoutError, OSError) as error:
        yield wrong(
            f"The database does not answer ({_kind(error)}).", "Check that it runs, and DATABASE_URL."
        )
        return
    yield from check_server(found, skew)
    yield from _role(found)
    try:
        with failures_named():
            if not (found.superuser or found.bypasses_security or found.owned):
                check_role(url)
            check_schema(url)
    except DatabaseRefusesError as error:
        yield wrong(error.said, error.fix)
        return
    except SchemaNewerError as error:
        said, _, fix = str(error).partition(": ")
        yield wrong(f"{said}.", fix[:1].upper() + fix[1:])
        return
    except (SchemaBehindError, LocalDatabaseError) as error:
        bound = str(error).partition(".")[2] if isinstance(error, SchemaBehindError) else ""
        yield wrong(
            "The database's tables are not those of this version.", f"Run `afterglow migrate`.{bound}"
        )
        return
    yield _isolation(found)
    yield good("The database's tables are those of this version")
    runtime = Runtime(
        application_url=url,
        direct_url=revealed(settings.direct_url),
        owner_url=None,
        keyset=keyset,
        data_dir=None,
        binaries=None,
    )
    with failures_named():
        yield from asyncio.run(_contents(runtime, settings))


def _replica(url: str) -> Finding:
    """Say whether reports can be read at the replica; where they cannot, the primary is read."""
    try:
        check_role(url, setting="AFTERGLOW_REPLICA_URL")
        is_one = leads_to_replica(url, setting="AFTERGLOW_REPLICA_URL")
    except RoleRefusedError as error:
        return wrong(error.said, error.fix)
    except DatabaseRefusesError as error:
        return unusual(f"Of the replica: {error.said}", error.fix)
    if not is_one:
        return unusual("AFTERGLOW_REPLICA_URL leads to a primary.", "Name a replica there, or leave it out.")
    return good("Reports, exports and FHIR searches are read at a replica")


def _database(settings: Settings, url: str) -> Database:
    return Database(url, direct_url=revealed(settings.direct_url))


async def _inspected(database: Database) -> tuple[Inspection, float]:
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_SECONDS):
            found = await inspect(database)
            return found, (datetime.now(UTC) - found.now).total_seconds()
    finally:
        await database.close()


def _kind(error: BaseException) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else str(error).partition(";")[0]


def check_server(found: Inspection, skew: float) -> Iterator[Finding]:
    """Check the server's version, and how many seconds its clock is from this machine's."""
    if found.major < OLDEST_MAJOR:
        yield wrong(
            f"The database is PostgreSQL {found.version}.", f"PostgreSQL {OLDEST_MAJOR} or newer is needed."
        )
    else:
        yield good(f"The database answers: PostgreSQL {found.version}")
    yield from _wal_compression(found)
    said = f"This machine's clock and the database's are {abs(skew):.1f} s apart"
    if abs(skew) >= _WRONG_SKEW_SECONDS:
        yield wrong(f"{said}.", "Set both by NTP: due times and signatures depend on the clock.")
    elif abs(skew) >= _NOTICEABLE_SKEW_SECONDS:
        yield unusual(f"{said}.", "Set both by NTP.")
    else:
        yield good(said)


def _wal_compression(found: Inspection) -> Iterator[Finding]:
    """Advise what makes the write-ahead log half as large at no cost, where this server can do it."""
    if found.wal_compression in CHEAP_COMPRESSIONS:
        yield good(f"Pages in the write-ahead log are compressed ({found.wal_compression})")
        return
    for method in CHEAP_COMPRESSIONS:
        if method in found.wal_compressions:
            how = "not compressed" if found.wal_compression == "off" else "compressed by pglz, which is slow"
            yield unusual(
                f"Pages in the write-ahead log are {how}.",
                f"ALTER SYSTEM SET wal_compression = {method}; SELECT pg_reload_conf();",
            )
            return


def _role(found: Inspection) -> Iterator[Finding]:
    for has, power, fix in (
        (found.superuser, "is a superuser", "NOSUPERUSER"),
        (found.bypasses_security, "bypasses row-level security", "NOBYPASSRLS"),
        (found.makes_others, "may make roles or databases", "NOCREATEROLE NOCREATEDB"),
    ):
        if has:
            yield wrong(
                f"The application role {found.role} {power}: nothing would part the clinics.",
                f'ALTER ROLE "{found.role}" {fix};',
            )
    if found.owned and not found.superuser:
        yield wrong(
            f"The application role {found.role} owns {len(found.owned)} tables ({found.owned[0]}, …).",
            "Migrate as another role (AFTERGLOW_OWNER_URL) and let the application have no part in it.",
        )
    elif not (found.superuser or found.bypasses_security or found.makes_others):
        yield good(f"The application role {found.role} owns nothing and cannot pass row-level security")


def _isolation(found: Inspection) -> Finding:
    if found.open_tables:
        return wrong(
            f"Row-level security is not forced on {', '.join(found.open_tables)}.",
            "Run `ALTER TABLE care.… FORCE ROW LEVEL SECURITY` as the owner, and find out who took it away.",
        )
    return good("Row-level security is forced on every clinic's table")


async def _contents(runtime: Runtime, settings: Settings) -> list[Finding]:
    # Nothing is sent here; what is wrong with the ways out, the machine's part says.
    nowhere = {"smtp_url": None, "mail_from": None, "gateway_url": None, "gateway_secret": None}
    context = runtime.context(settings.model_copy(update=nowhere))
    try:
        since = context.clock.now() - _FAILED_LATELY
        proof = await _proof(context)
        if proof.verdict is Verdict.WRONG:
            # Every clinic would look empty.
            return [proof, await _worker(context)]
        return [
            proof,
            await _key_fits(context),
            await _worker(context),
            *await _dead(context),
            await _partitions(context),
            _deliveries(await undelivered(context.database)),
            _messages(await unsent_messages(context.database, since=since)),
        ]
    finally:
        await context.database.close()


async def _proof(context: AppContext) -> Finding:
    unproved = Database(context.database.direct_url)
    try:
        asks = not await names_a_clinic(unproved)
    finally:
        await unproved.close()
    if not await names_a_clinic(context.database):
        return wrong(
            "The database takes no proof of which clinic a transaction is of by this encryption key.",
            "Put the key back that this database was first used with.",
        )
    if not asks:
        return unusual(
            "The database asks for no proof of which clinic a transaction is of: no tenant key is installed.",
            "Run `afterglow migrate` as the owner, with the encryption key that the service has.",
        )
    return good("The database asks for a proof of which clinic a transaction is of")


async def _key_fits(context: AppContext) -> Finding:
    try:
        for clinic_id in await open_clinics(context.database):
            async with context.work(clinic_id) as work:
                # Past the service, which would record the access: nobody is shown anything here.
                found = await patients.page(work, after=None, limit=1)
            for record in found:
                patient_of(work, record)
                return good("The encryption key opens what is stored")
    except CannotOpenError:
        return wrong(
            "The encryption key does not open what is stored.",
            "Put the key back that this database was first used with.",
        )
    return good("Nothing is stored yet that the encryption key would have to open")


async def _worker(context: AppContext) -> Finding:
    async with context.work(None) as work:
        ago = await heartbeats.last_look(work)
    if ago is None or ago > heartbeats.LIVES_FOR:
        return unusual(
            "No worker has looked at what is due for a minute: no webhook, no reminder and no mail goes out.",
            "Run `afterglow serve`, or `afterglow worker` beside `afterglow serve --no-worker`.",
        )
    return good(f"A worker looked at what is due {ago.total_seconds():.0f} s ago")


async def _dead(context: AppContext) -> list[Finding]:
    async with context.work(None) as work:
        dead = [one for one in await heartbeats.processes(work) if one.dead]
    return [
        unusual(
            f"A process ({', '.join(one.does)}) ended without a word {one.ago.total_seconds() / 60:.0f} min ago.",
            "Look into its log, and have it started again (systemd, a container's restart policy).",
        )
        for one in dead
    ]


async def _partitions(context: AppContext) -> Finding:
    async with context.work(None) as work:
        waiting = await operation_figures.waiting(work, now=work.now)
    found = {one.state: one.number for one in waiting if one.figure == "partitions"}
    if not found:
        return good("The audit log has partitions for this month and the next ones")
    lines, months = found.get("default", 0), found.get("missing", 0)
    return unusual(
        f"The audit log lacks partitions: {months} of three months, {lines} lines in the default one.",
        "A worker that sweeps makes them within the hour; see `sweep.failed` in its log if it does not.",
    )


def _deliveries(waiting: dict[str, int]) -> Finding:
    if not waiting:
        return good("All webhooks have been delivered")
    said = ", ".join(f"{count} {state}" for state, count in sorted(waiting.items()))
    if set(waiting) == {"pending"}:
        return unusual(f"Webhooks not delivered yet: {said}.", "Make sure that `afterglow worker` runs.")
    return unusual(
        f"Webhooks not delivered: {said}.",
        "Fix or enable the endpoint (POST /v1/webhook-endpoints/{id}/enable), then send again "
        "(POST /v1/webhook-endpoints/{id}/recover).",
    )


def _messages(unsent: dict[str, int]) -> Finding:
    if not unsent:
        return good("All messages to people have been sent")
    said = ", ".join(f"{count} {what}" for what, count in sorted(unsent.items()))
    return unusual(
        f"Messages to people not sent: {said}.",
        "Make sure that `afterglow worker` runs and that its mail server (AFTERGLOW_SMTP_URL) or gateway "
        "is set up and takes them; a message is tried for a day.",
    )
