"""The runtime that every command stands on: a database, its two roles, the key; found or made, and used once."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID

from app.cli.options import settings_of
from app.context import AppContext, Work
from app.foundation.audit import OPERATOR
from app.foundation.clock import SystemClock
from app.foundation.errors import OperatorError
from app.foundation.keyset import Keyset, read_keyset
from app.foundation.relays import read_gateway_relay, read_mail_relay
from app.foundation.vault import Vault, load_or_make_key_file
from app.settings import Settings, revealed
from app.storage import clinics
from app.storage.clinics import UnknownClinicError
from app.storage.engine.binaries import Binaries, find_binaries
from app.storage.engine.connecting import (
    DatabaseRefusesError,
    RoleRefusedError,
    check_key,
    check_owner,
    check_reachable,
    check_role,
    install_session_settings,
)
from app.storage.engine.database import Database, role_of
from app.storage.engine.embedded.errors import AlreadySupervisedError
from app.storage.engine.embedded.folders import default_data_dir, prepare_data_dir
from app.storage.engine.embedded.supervisor import Supervisor, connect_or_start
from app.storage.engine.health import failures_named
from app.storage.engine.migrating import (
    APPLICATION_ROLE,
    DATABASE,
    OWNER_ROLE,
    check_schema,
    make_roles,
    migrate,
)
from app.storage.tenant_keys import install as install_tenant_key

KEY_FILE: Final = "encryption.key"


class NothingHereError(OperatorError):
    """No database was made here yet: `afterglow dev` or `afterglow serve` makes one at its first start."""


class OwnerUrlMissingError(OperatorError):
    """This needs the owner's way to the database: set AFTERGLOW_OWNER_URL beside DATABASE_URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Where everything is. ``data_dir`` is None with a database elsewhere."""

    application_url: str
    # Past the pooler that ``application_url`` leads to; None: it leads to none.
    direct_url: str | None = None
    replica_url: str | None = None
    owner_url: str | None
    keyset: Keyset
    data_dir: Path | None
    binaries: Binaries | None
    # The embedded server, where this process runs it.
    supervisor: Supervisor | None = None

    def revive(self) -> bool:
        """Start the embedded server again if it fell and is ours to run; says whether it had to be."""
        if self.supervisor is None or self.supervisor.alive:
            return False
        with suppress(AlreadySupervisedError):  # another process came first: it is cared for
            self.supervisor.start()
        return True

    @property
    def owner_address(self) -> str:
        """Give the owner's URL, whether or not the database answers there.

        Raises:
            OwnerUrlMissingError: nobody said it.
        """
        if self.owner_url is None:
            raise OwnerUrlMissingError(OwnerUrlMissingError.__doc__)
        return self.owner_url

    def owner(self) -> str:
        """Give the owner's URL, once it is known to lead to the owner.

        Raises:
            OwnerUrlMissingError: nobody said it.
            DatabaseRefusesError: it cannot be reached, or is not the owner's.
        """
        check_owner(self.owner_address, application_role=self.application_role)
        return self.owner_address

    @property
    def application_role(self) -> str:
        """The role that the application connects as."""
        return role_of(self.application_url) or APPLICATION_ROLE

    def vault(self) -> Vault:
        """Make the vault; where the keys are in a file, it finds those that are made while this process runs."""
        if self.data_dir is None:
            return Vault(self.keyset)
        path = self.data_dir / KEY_FILE
        return Vault(self.keyset, reread=lambda: load_or_make_key_file(path)[0])

    def database(self, *, pool_size: int) -> Database:
        """Make the application role's way to the database."""
        return Database(
            self.application_url,
            pool_size=pool_size,
            tenant_key=self.vault().tenant_key,
            direct_url=self.direct_url,
            replica_url=self.replica_url,
        )

    def check(self) -> None:
        """Make sure that a process can work with this database, before it begins.

        Raises:
            DatabaseRefusesError: it cannot be reached, is a replica, is behind a pooler that takes transactions
                apart, was set up with another key, or its role is not the application's.
            SchemaBehindError, SchemaNewerError: its tables are not those of this version.
        """
        self.check_ways()
        check_schema(self.application_url)
        check_key(self.application_url, self.vault().tenant_key)

    def check_ways(self) -> None:
        """Make sure that each way to the database can be gone, and as the application.

        A replica need not be there: while it is away, the primary is read.

        Raises:
            DatabaseRefusesError: one cannot, or not as the application.
        """
        check_reachable(self.application_url, direct_url=self.direct_url)
        check_role(self.application_url)
        if self.direct_url is not None:
            check_role(self.direct_url, setting="AFTERGLOW_DIRECT_URL")
        if self.replica_url is not None:
            try:
                check_role(self.replica_url, setting="AFTERGLOW_REPLICA_URL")
            except RoleRefusedError:
                raise
            except DatabaseRefusesError:
                pass

    def bring_up_to_date(self, to: str = "head") -> None:
        """Bring the tables to this version or another, and install what proves a transaction's clinic.

        Raises:
            OwnerUrlMissingError: nobody said how the owner reaches the database.
            DatabaseRefusesError: as `owner`.
            PatientKeysKeptError: going down would remove the keys of patients; nothing was changed.
        """
        owner = self.owner()
        migrate(owner, application_role=self.application_role, to=to)
        if to == "head":
            install_tenant_key(owner, self.vault().tenant_key)
        if self.direct_url is not None:
            install_session_settings(owner)

    def context(self, settings: Settings, *, pool_size: int | None = None) -> AppContext:
        """Make what a process works with."""
        vault = self.vault()
        return AppContext(
            database=self.database(pool_size=pool_size or settings.pool_size),
            vault=vault,
            clock=SystemClock(),
            public_url=settings.links_start_with,
            webhook_allow=settings.webhook_allow,
            mail=read_mail_relay(revealed(settings.smtp_url), settings.mail_from),
            gateway=read_gateway_relay(settings.gateway_url, revealed(settings.gateway_secret)),
        )


@contextmanager
def open_runtime(settings: Settings, *, bring_up_to_date: bool = True) -> Iterator[Runtime]:
    """Find or make the runtime; what was started here is stopped at the end.

    An embedded database is migrated on the way (``bring_up_to_date``); one elsewhere is only checked.

    Raises:
        DatabaseFailedError: for whatever the database's libraries raise, also in the caller's block.
    """
    with failures_named():
        if settings.database_url is not None:
            runtime = _elsewhere(settings)
            if bring_up_to_date:
                runtime.check()
            yield runtime
            return
        with _embedded(settings) as runtime:
            if bring_up_to_date:
                runtime.bring_up_to_date()
            yield runtime


@contextmanager
def find_runtime(settings: Settings) -> Iterator[Runtime]:
    """Find the runtime to look at it: nothing is made or changed; a server that was started is stopped at the end.

    Raises:
        NothingHereError: there is no database yet.
        DatabaseRefusesError: the one elsewhere cannot be reached, or not as the application.
        KeyFileError, OSError: the key cannot be read.
        DatabaseFailedError: for whatever the database's libraries raise, also in the caller's block.
    """
    with failures_named():
        if settings.database_url is not None:
            runtime = _elsewhere(settings)
            runtime.check_ways()
            yield runtime
            return
        data_dir = data_dir_of(settings)
        if not has_database(data_dir):
            raise NothingHereError(NothingHereError.__doc__)
        given = revealed(settings.encryption_key)
        keyset = read_keyset((data_dir / KEY_FILE).read_text() if given is None else given)
        with _server(settings, data_dir, keyset, with_roles=False) as runtime:
            yield runtime


def has_database(data_dir: Path) -> bool:
    """Say whether an embedded database was ever made in this folder."""
    return (data_dir / "postgres").exists()


def data_dir_of(settings: Settings) -> Path:
    """Give the data folder: as set, or the account's own."""
    return (settings.data_dir or default_data_dir()).expanduser().resolve()


def spool_dir_of(settings: Settings) -> Path:
    """Give where disclosures wait that the database does not take: as set, or in the data folder."""
    return (settings.spool_dir or data_dir_of(settings) / "spool").expanduser().resolve()


def _elsewhere(settings: Settings) -> Runtime:
    url, key = settings.database_url, settings.encryption_key
    if url is None or key is None:
        raise AssertionError  # the settings refuse this
    return Runtime(
        application_url=url.get_secret_value(),
        direct_url=revealed(settings.direct_url),
        replica_url=revealed(settings.replica_url),
        owner_url=revealed(settings.owner_url),
        keyset=read_keyset(key.get_secret_value()),
        data_dir=None,
        binaries=None,
    )


@contextmanager
def _embedded(settings: Settings) -> Iterator[Runtime]:
    data_dir = data_dir_of(settings)
    prepare_data_dir(data_dir)
    with _server(settings, data_dir, _keyset(settings, data_dir), with_roles=True) as runtime:
        yield runtime


@contextmanager
def _server(settings: Settings, data_dir: Path, keyset: Keyset, *, with_roles: bool) -> Iterator[Runtime]:
    binaries = find_binaries(settings.postgres_bin)
    address, supervisor = connect_or_start(data_dir, binaries)
    try:
        if with_roles:
            make_roles(address.url())
        yield Runtime(
            application_url=address.url(APPLICATION_ROLE, DATABASE),
            owner_url=address.url(OWNER_ROLE, DATABASE),
            keyset=keyset,
            data_dir=data_dir,
            binaries=binaries,
            supervisor=supervisor,
        )
    finally:
        if supervisor is not None:
            supervisor.stop()


def _keyset(settings: Settings, data_dir: Path) -> Keyset:
    if settings.encryption_key is not None:
        return read_keyset(settings.encryption_key.get_secret_value())
    path = data_dir / KEY_FILE
    keyset, made = load_or_make_key_file(path)
    if made:
        sys.stderr.write(f"Made the encryption key {path}: back this up, nothing can be read without it.\n")
    return keyset


Found = TypeVar("Found")


def in_context(data_dir: Path | None, do: Callable[[AppContext], Awaitable[Found]]) -> Found:
    """Do something with what a process has, and give its outcome."""
    settings = settings_of(data_dir)

    async def done(context: AppContext) -> Found:
        try:
            return await do(context)
        finally:
            await context.database.close()

    with open_runtime(settings) as runtime:
        return asyncio.run(done(runtime.context(settings)))


def in_clinic(data_dir: Path | None, clinic_id: UUID, do: Callable[[Work], Awaitable[Found]]) -> Found:
    """Do something in one clinic, in one transaction, on the audit log as the operator's doing.

    Raises:
        UnknownClinicError: there is no such clinic.
    """

    async def done(context: AppContext) -> Found:
        async with context.work(clinic_id, actor=OPERATOR) as work:
            if await clinics.profile(work) is None:
                raise UnknownClinicError(UnknownClinicError.__doc__)
            return await do(work)

    return in_context(data_dir, done)
