"""What `afterglow doctor` looks at on this machine: Python, time zones, settings, folders, programs, key."""

import os
import platform
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.cli.children import LISTENER, PARENT, setting_names
from app.cli.doctor_findings import Finding, good, unusual, wrong
from app.cli.runtime import KEY_FILE, data_dir_of, has_database, spool_dir_of
from app.foundation.keyset import KeyFileError, read_keyset
from app.foundation.relays import (
    GatewaySettingsError,
    MailSettingsError,
    Tls,
    read_gateway_relay,
    read_mail_relay,
)
from app.foundation.zones import zone_edition, zone_wheel
from app.notifications.transport.addresses import AllowedNetworks, NetworkListError
from app.settings import Settings, revealed
from app.storage.engine.binaries import LocalDatabaseError, find_binaries
from app.storage.engine.embedded.supervisor import find_running

_OLDEST_PYTHON: Final = (3, 11)
_ZONES: Final = ("America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe")
_OF_TESTS: Final = "AFTERGLOW_TEST_"
_GIBIBYTE: Final = 1024**3
_LEAST_FREE: Final = 1 * _GIBIBYTE
_LITTLE_FREE: Final = 5 * _GIBIBYTE


def check_machine(settings: Settings) -> Iterator[Finding]:
    """Check what does not depend on where the database is."""
    yield _python()
    yield from misspelled(os.environ)
    yield time_zones(zone_edition(), today=datetime.now(UTC).date())
    yield _public_url(settings)
    yield _webhook_allow(settings)
    yield _mail(settings)
    yield _gateway(settings)
    yield _spool(settings)


def _spool(settings: Settings) -> Finding:
    """Check where a disclosure waits that the database does not take, such as when its disk is full."""
    spool, data_dir = spool_dir_of(settings), data_dir_of(settings)
    where = _nearest(spool)
    if not os.access(where, os.W_OK):
        return wrong(
            f"The spool {spool} cannot be written.", "Set AFTERGLOW_SPOOL_DIR to a folder of this account."
        )
    free = shutil.disk_usage(where).free
    if free < _LEAST_FREE:
        return wrong(
            f"Only {free / _GIBIBYTE:.1f} GiB free for the spool {spool}.",
            "Free some: a disclosure that the database does not take must not be lost.",
        )
    # With a database elsewhere, the data folder is not what fills up.
    if settings.database_url is None and where.stat().st_dev == _nearest(data_dir).stat().st_dev:
        return unusual(
            f"The spool {spool} is on the same volume as the database.",
            "Set AFTERGLOW_SPOOL_DIR to another one: a disclosure must not be lost because a disk is full.",
        )
    return good(f"Disclosures that cannot be stored wait in {spool}.")


def _nearest(path: Path) -> Path:
    """The folder itself, or the one in which it would be made."""
    return next(one for one in (path, *path.parents) if one.exists())


def check_data_folder(settings: Settings, data_dir: Path) -> Iterator[Finding]:
    """Check what the embedded database stands on."""
    yield _programs(settings)
    yield _folder(data_dir)
    yield _free_space(data_dir)
    yield check_key_text(settings) if settings.encryption_key else _key_file(data_dir)


def check_key_text(settings: Settings) -> Finding:
    """Check a key that was given in the environment."""
    try:
        read_keyset(settings.encryption_key.get_secret_value() if settings.encryption_key else "")
    except KeyFileError:
        return wrong(
            "AFTERGLOW_ENCRYPTION_KEY is not 32 bytes in base64.",
            "Give the key that this database was first used with; a new one opens nothing.",
        )
    return good("The encryption key is given in AFTERGLOW_ENCRYPTION_KEY")


def _python() -> Finding:
    found = f"Python {platform.python_version()}"
    if sys.version_info < _OLDEST_PYTHON:
        return wrong(f"{found} is too old.", "Install Afterglow under Python 3.11 or newer.")
    return good(found)


def misspelled(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Name variables that look like ours and are none: what they say has no effect."""
    known = [*setting_names().values(), PARENT, LISTENER]
    for name in sorted(environment):
        if name in known or not name.startswith(("AFTERGLOW", "DATABASE_UR")) or name.startswith(_OF_TESTS):
            continue
        near = get_close_matches(name, known, n=1)
        yield wrong(
            f"There is no setting {name}.", f"Is {near[0]} meant?" if near else "See docs/operations.md."
        )


def time_zones(edition: str, *, today: date) -> Finding:
    """Check that zones are known, and by rules that are not years old: governments change them each year."""
    try:
        for zone in _ZONES:
            ZoneInfo(zone)
    except ZoneInfoNotFoundError as error:
        return wrong(f"Time zones are missing ({error}).", "Install the tzdata package: pip install tzdata.")
    said = f"Time zones are of edition {edition}, from tzdata {zone_wheel()}"
    if edition[:4].isdigit() and today.year - int(edition[:4]) > 1:
        return unusual(f"{said}, which is old.", "Update it: pip install --upgrade tzdata.")
    return good(said)


def _public_url(settings: Settings) -> Finding:
    if settings.links_start_with.startswith("https://"):
        return good(f"Links start with {settings.links_start_with}")
    return unusual(
        f"Links in webhooks and enrolment codes start with {settings.links_start_with}, which is not https.",
        "Put TLS in front of the service and set AFTERGLOW_PUBLIC_URL to the https address that others use.",
    )


def _webhook_allow(settings: Settings) -> Finding:
    try:
        networks = AllowedNetworks.parse(settings.webhook_allow).networks
    except NetworkListError:
        return wrong(
            "AFTERGLOW_WEBHOOK_ALLOW cannot be read.",
            "Write networks, parted by commas, without bits beyond the prefix: 10.1.0.0/16,192.168.7.0/24.",
        )
    if networks:
        return good(f"Webhooks may also reach {', '.join(map(str, networks))}")
    return good("Webhooks reach public addresses only")


def _mail(settings: Settings) -> Finding:
    try:
        relay = read_mail_relay(revealed(settings.smtp_url), settings.mail_from)
    except MailSettingsError as error:
        return wrong("AFTERGLOW_SMTP_URL and AFTERGLOW_MAIL_FROM cannot be read.", str(error))
    if relay is None:
        return unusual(
            "No mail server is set up: sign-in links, reminders and notices by mail wait.",
            "Set AFTERGLOW_SMTP_URL and AFTERGLOW_MAIL_FROM; what waits is sent then.",
        )
    said = f"Mail goes from {relay.sender} to {relay.host}:{relay.port}"
    if relay.tls is Tls.NONE and not relay.is_this_machine:
        return unusual(
            f"{said} without TLS.", "Take ?tls=off out of AFTERGLOW_SMTP_URL if the server has TLS."
        )
    return good(f"{said} (TLS: {relay.tls})")


def _gateway(settings: Settings) -> Finding:
    try:
        relay = read_gateway_relay(settings.gateway_url, revealed(settings.gateway_secret))
    except GatewaySettingsError as error:
        return wrong("AFTERGLOW_GATEWAY_URL and AFTERGLOW_GATEWAY_SECRET cannot be read.", str(error))
    if relay is None:
        return good("No gateway: text messages and app pushes are not offered")
    return good("Text messages and app pushes go to the gateway in AFTERGLOW_GATEWAY_URL")


def _programs(settings: Settings) -> Finding:
    try:
        binaries = find_binaries(settings.postgres_bin)
    except LocalDatabaseError as error:
        found, _, fix = str(error).partition(". ")
        return wrong(f"{found}.", fix)
    return good(f"PostgreSQL {binaries.version} programs in {binaries.folder}")


def _folder(data_dir: Path) -> Finding:
    if not data_dir.exists():
        return good(f"Data folder {data_dir} is not there yet; the first start makes it")
    if not data_dir.is_dir():
        return wrong(f"{data_dir} is not a folder.", "Name a folder in AFTERGLOW_DATA_DIR or --data-dir.")
    if not os.access(data_dir, os.R_OK | os.W_OK | os.X_OK):
        return wrong(
            f"This account may not write in the data folder {data_dir}.",
            "Run as the account that first started the service, or name another folder in AFTERGLOW_DATA_DIR.",
        )
    if data_dir.stat().st_mode & stat.S_IWOTH:
        return wrong(f"Everybody may write in the data folder {data_dir}.", f"chmod o-w {data_dir}")
    state = "is used by a running server" if find_running(data_dir) else "is reachable"
    return good(f"Data folder {data_dir} {state}")


def _free_space(data_dir: Path) -> Finding:
    existing = next(folder for folder in (data_dir, *data_dir.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    found = f"{free / _GIBIBYTE:.1f} GiB free for the data folder"
    if free < _LEAST_FREE:
        return wrong(f"Only {found}.", "Free some: a full disk stops PostgreSQL, and no check-in is kept.")
    if free < _LITTLE_FREE:
        return unusual(f"Only {found}.", "Plan for more; backups need room too.")
    return good(found)


def _key_file(data_dir: Path) -> Finding:
    path = data_dir / KEY_FILE
    if not path.exists():
        if has_database(data_dir):
            return wrong(
                f"The encryption key {path} is missing.",
                "Put it back from your backup before anything starts: a new key opens nothing that is stored.",
            )
        return good("No encryption key yet; the first start makes it")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return wrong(f"Others may read the encryption key {path} (mode {mode:04o}).", f"chmod 600 {path}")
    try:
        read_keyset(path.read_text())
    except (KeyFileError, OSError, UnicodeDecodeError):
        return wrong(f"The encryption key {path} cannot be read.", "Put it back from your backup.")
    return good(f"Encryption key {path}, readable by its owner only")
