"""`afterglow doctor`: every finding is provoked, so that none can be forgotten."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from app.care.intake.reporting import Pending
from app.care.intake.spool import Spool
from app.care.patients.commands import Registration, register
from app.cli import doctor, doctor_machine
from app.cli.clinic_commands import open_new_clinic
from app.cli.doctor_database import check_server
from app.cli.doctor_findings import Verdict
from app.cli.doctor_machine import check_data_folder, check_machine
from app.cli.runtime import open_runtime
from app.foundation.audit import OPERATOR
from app.foundation.ids import new_id
from app.foundation.keyset import read_keyset
from app.foundation.tokens import TokenKind, new_token
from app.foundation.vault import Vault, new_key_text
from app.settings import Settings
from app.storage import heartbeats
from app.storage.engine.migrating import migrate
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.inspection import Inspection
from app.storage.tenant_keys import install
from tests.cli.command_line import afterglow_here
from tests.support.databases import Cluster, DatabaseUrls, open_folder
from tests.support.service import KEY, NOW

pytestmark = pytest.mark.processes

PUBLIC = "https://afterglow.example.org"
NO_WORKER = "No worker has looked at what is due for a minute: no webhook, no reminder and no mail goes out."
MAIL = {"smtp_url": "smtps://us:hush@mail.example.org", "mail_from": "afterglow@clinic.example.org"}


@dataclass(frozen=True)
class Shown:
    """What the doctor printed."""

    sound: bool
    text: str

    def marked(self, mark: str) -> list[str]:
        return [line[2:] for line in self.text.splitlines() if line.startswith(mark)]

    @property
    def wrong(self) -> list[str]:
        return self.marked("✗")

    def unusual_beside(self, *usual: str) -> list[str]:
        """What is marked as unusual beside these lines, which must be there."""
        found = self.marked("!")
        assert set(usual) <= set(found), self.text
        return [line for line in found if line not in usual]


@dataclass(frozen=True)
class Doctor:
    """Runs the examination and reads what it prints."""

    capsys: pytest.CaptureFixture[str]

    def examine(self, **given: object) -> Shown:
        settings = Settings(**({"public_url": PUBLIC} | MAIL | given))  # type: ignore[arg-type] # checked by pydantic
        sound = doctor.run(settings)
        return Shown(sound, self.capsys.readouterr().out)

    def examine_elsewhere(self, url: str, key: str | None = None) -> Shown:
        return self.examine(database_url=url, encryption_key=key or new_key_text())


@pytest.fixture
def examiner(capsys: pytest.CaptureFixture[str]) -> Doctor:
    return Doctor(capsys)


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    with open_folder() as folder:
        with open_runtime(Settings(data_dir=folder / "data")):
            pass
        yield folder / "data"


def same_volume(data_dir: Path) -> str:
    """What is said of the spool in the data folder, where a disk that is full would keep it from helping."""
    return f"The spool {data_dir.resolve() / 'spool'} is on the same volume as the database."


@pytest.fixture
def key_file(data_dir: Path) -> Iterator[Path]:
    path = data_dir / "encryption.key"
    right = path.read_text()
    yield path
    path.write_text(right)
    path.chmod(0o600)


@pytest.fixture
def own_database(cluster: Cluster) -> Iterator[DatabaseUrls]:
    with cluster.database() as made:
        yield made


def test_before_the_first_start_nothing_is_wrong_and_nothing_is_made(examiner: Doctor) -> None:
    with open_folder() as folder:
        shown = examiner.examine(data_dir=folder / "none")
        assert list(folder.iterdir()) == []
    assert shown.sound
    assert "the first start makes it" in shown.text


def test_a_spool_that_would_soon_be_full_or_cannot_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    settings = Settings(data_dir=tmp_path / "data", spool_dir=spool)
    monkeypatch.setattr(doctor_machine, "_LEAST_FREE", shutil.disk_usage(tmp_path).total)
    (found,) = [one for one in check_machine(settings) if str(spool) in one.found]
    assert (found.verdict, found.fix) == (
        Verdict.WRONG,
        "Free some: a disclosure that the database does not take must not be lost.",
    )
    # Whoever discloses is helped all the same; what could not be put by is said in the log.
    (tmp_path / "file").write_text("")
    _, device = new_token(TokenKind.DEVICE_ACCESS, new_id())
    pending = Pending(credentials=(device,), reports=(), received_at=NOW)
    assert Spool(tmp_path / "file" / "spool", Vault(KEY)).keep(pending) is False


def test_a_volume_of_the_data_folder_with_little_room_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for threshold, verdict in (("_LITTLE_FREE", Verdict.UNUSUAL), ("_LEAST_FREE", Verdict.WRONG)):
        monkeypatch.setattr(doctor_machine, threshold, shutil.disk_usage(tmp_path).total)
        (found,) = [one for one in check_data_folder(Settings(), tmp_path) if "GiB free" in one.found]
        assert (found.verdict, found.found.startswith("Only ")) == (verdict, True)


@pytest.mark.parametrize("skew", [-1, 1])
def test_clocks_that_are_apart_are_named(skew: int) -> None:
    server = Inspection(
        version="18.1", major=18, now=NOW, wal_compression="off", wal_compressions=("pglz", "off"),
        role="clinic_app", superuser=False, bypasses_security=False, makes_others=False, owned=(), open_tables=(),
    )  # fmt: skip
    for seconds, verdict in ((0.1, Verdict.GOOD), (2.5, Verdict.UNUSUAL), (3600.0, Verdict.WRONG)):
        *_, found = check_server(server, skew * seconds)
        assert (found.verdict, f"{seconds} s apart" in found.found) == (verdict, True)


@pytest.mark.parametrize(
    ("setting", "possible", "said"),
    [
        ("lz4", ("pglz", "lz4", "zstd", "on", "off"), (Verdict.GOOD, "are compressed (lz4)", "")),
        ("off", ("pglz", "lz4", "zstd", "on", "off"), (Verdict.UNUSUAL, "are not compressed", " = lz4;")),
        ("on", ("pglz", "zstd", "on", "off"), (Verdict.UNUSUAL, "by pglz, which is slow", " = zstd;")),
        ("off", ("pglz", "on", "off"), None),
    ],
)
def test_a_write_ahead_log_that_could_be_half_as_large_is_pointed_out(
    setting: str, possible: tuple[str, ...], said: tuple[Verdict, str, str] | None
) -> None:
    server = Inspection(
        version="18.1", major=18, now=NOW, wal_compression=setting, wal_compressions=possible,
        role="clinic_app", superuser=False, bypasses_security=False, makes_others=False, owned=(), open_tables=(),
    )  # fmt: skip
    found = [one for one in check_server(server, 0.0) if "write-ahead log" in one.found]
    assert len(found) == (1 if said else 0)
    for one in found:
        verdict, words, fix = said or (Verdict.WRONG, "", "")
        assert (one.verdict, words in one.found, fix in one.fix) == (verdict, True, True)


def test_a_sound_embedded_service_has_every_check_ticked(examiner: Doctor, data_dir: Path) -> None:
    with a_worker_that_has_looked(data_dir):
        shown = examiner.examine(data_dir=data_dir)
    assert shown.sound, shown.text
    assert (shown.wrong, shown.unusual_beside(same_volume(data_dir))) == ([], [])
    ticked = "\n".join(shown.marked("✓"))
    for check in (
        "Python 3.", "Time zones", "Links start with https", "Webhooks reach public", "programs in",
        "Data folder", "GiB free", "Encryption key", "answers: PostgreSQL", "clock", "owns nothing",
        "Row-level security is forced", "asks for a proof", "tables are those", "Nothing is stored yet",
        "have been delivered", "The audit log has partitions",
        "A worker looked at what is due",
        "Mail goes from afterglow@clinic.example.org to mail.example.org:465", "No gateway", "have been sent",
    ):  # fmt: skip
        assert check in ticked


def test_a_plain_http_address_is_pointed_out_without_failing(examiner: Doctor, data_dir: Path) -> None:
    shown = examiner.examine(data_dir=data_dir, public_url="")
    assert shown.sound
    (unusual,) = shown.unusual_beside(same_volume(data_dir), NO_WORKER)
    assert "which is not https" in unusual


@pytest.mark.parametrize(
    ("given", "mark", "said"),
    [
        ({"smtp_url": None, "mail_from": None}, "!", "No mail server is set up"),
        ({"mail_from": None}, "✗", "AFTERGLOW_SMTP_URL and AFTERGLOW_MAIL_FROM cannot be read."),
        ({"smtp_url": "smtp://mail.example.org:25?tls=off"}, "!", "without TLS"),
        ({"gateway_url": "https://gateway.example.org"}, "✗", "AFTERGLOW_GATEWAY_URL and AFTERGLOW_GATEWAY"),
    ],
)
def test_mail_and_gateway_that_are_missing_or_unreadable_are_named(
    examiner: Doctor, data_dir: Path, given: dict[str, str | None], mark: str, said: str
) -> None:
    shown = examiner.examine(data_dir=data_dir, **given)
    unusual = shown.unusual_beside(same_volume(data_dir), NO_WORKER)
    (line,) = [*unusual, *shown.wrong]
    assert said in line
    assert {"!": unusual, "✗": shown.wrong}[mark] == [line]
    assert "hush" not in shown.text


@pytest.mark.parametrize(
    ("mode", "text", "said"),
    [
        (0o644, None, "Others may read the encryption key"),
        (0o600, "not a key\n", "cannot be read"),
        (0o600, "", "cannot be read"),
    ],
)
def test_a_bad_key_file_is_named(
    examiner: Doctor, data_dir: Path, key_file: Path, mode: int, text: str | None, said: str
) -> None:
    key_file.write_text(key_file.read_text() if text is None else text)
    key_file.chmod(mode)
    shown = examiner.examine(data_dir=data_dir)
    assert not shown.sound
    (wrong,) = shown.wrong
    assert said in wrong


def test_a_lost_key_is_named_and_no_new_one_is_made(examiner: Doctor, data_dir: Path, key_file: Path) -> None:
    key_file.unlink()
    shown = examiner.examine(data_dir=data_dir)
    assert not key_file.exists()
    assert not shown.sound
    assert "is missing" in shown.wrong[0]
    assert "Put it back from your backup" in shown.text


def test_settings_that_cannot_be_read_are_named(examiner: Doctor, data_dir: Path) -> None:
    shown = examiner.examine(data_dir=data_dir, webhook_allow="10.0.0.1/8", postgres_bin=Path("/nowhere"))
    assert not shown.sound
    assert "AFTERGLOW_WEBHOOK_ALLOW cannot be read." in shown.wrong
    assert any("/nowhere" in line for line in shown.wrong)


def test_a_database_of_another_major_version_is_named(examiner: Doctor, data_dir: Path) -> None:
    with open_folder() as folder:
        shutil.copy(data_dir / "encryption.key", folder / "encryption.key")
        (folder / "postgres").mkdir()
        (folder / "postgres" / "PG_VERSION").write_text("9\n")
        shown = examiner.examine(data_dir=folder)
    assert shown.wrong == ["The embedded database does not run."]


def test_a_sound_database_elsewhere_passes(examiner: Doctor, own_database: DatabaseUrls) -> None:
    key = new_key_text()
    install(own_database.owner_url, Vault(read_keyset(key)).tenant_key)
    shown = examiner.examine_elsewhere(own_database.application_url, key)
    assert (shown.sound, shown.wrong) == (True, [])
    assert shown.marked("!") == ["AFTERGLOW_OWNER_URL is not set.", NO_WORKER]


def test_a_database_without_a_tenant_key_or_with_another_one_is_named(
    examiner: Doctor, own_database: DatabaseUrls
) -> None:
    shown = examiner.examine_elsewhere(own_database.application_url)
    assert shown.sound
    missing = (
        "The database asks for no proof of which clinic a transaction is of: no tenant key is installed."
    )
    assert missing in shown.marked("!")
    install(own_database.owner_url, Vault(read_keyset(new_key_text())).tenant_key)
    shown = examiner.examine_elsewhere(own_database.application_url)
    assert shown.wrong == [
        "The database takes no proof of which clinic a transaction is of by this encryption key."
    ]
    assert missing not in shown.text


def test_the_owner_as_application_role_is_refused(examiner: Doctor, own_database: DatabaseUrls) -> None:
    shown = examiner.examine_elsewhere(own_database.owner_url)
    assert not shown.sound
    (wrong,) = shown.wrong
    assert wrong.startswith("The application role afterglow_owner owns ")


def test_a_superuser_as_application_role_is_refused(examiner: Doctor, own_database: DatabaseUrls) -> None:
    shown = examiner.examine_elsewhere(own_database.superuser_url)
    assert not shown.sound
    assert any("is a superuser" in line for line in shown.wrong)
    assert any("bypasses row-level security" in line for line in shown.wrong)


def test_a_table_without_forced_security_is_named(examiner: Doctor, own_database: DatabaseUrls) -> None:
    with psycopg.connect(own_database.owner_url) as connection:
        connection.execute("ALTER TABLE care.patients NO FORCE ROW LEVEL SECURITY")
    shown = examiner.examine_elsewhere(own_database.application_url)
    assert not shown.sound
    assert shown.wrong == ["Row-level security is not forced on patients."]


def test_tables_of_another_version_are_named(examiner: Doctor, own_database: DatabaseUrls) -> None:
    migrate(own_database.owner_url, application_role="afterglow_app", to="0069")
    with psycopg.connect(own_database.owner_url) as connection:
        # As a migration leaves it that gave way to others: the smallest id of 2030.
        connection.execute(
            "ALTER TABLE care.audit_events ADD CONSTRAINT audit_events_before_its_end"
            " CHECK (id < '01b8dac5-b400-0000-0000-000000000000')"
        )
    shown = examiner.examine_elsewhere(own_database.application_url)
    assert "From 2030-01-01 on, the constraint audit_events_before_its_end" in shown.text
    migrate(own_database.owner_url, application_role="afterglow_app", to="base")
    shown = examiner.examine_elsewhere(own_database.application_url)
    assert not shown.sound
    assert shown.wrong == ["The database's tables are not those of this version."]


def test_a_database_that_does_not_answer_is_named_without_its_password(examiner: Doctor) -> None:
    shown = examiner.examine_elsewhere("postgresql://afterglow_app:secret-word@127.0.0.1:1/afterglow")
    assert not shown.sound
    assert shown.wrong[0] == "No database server answers at 127.0.0.1:1."
    assert "secret-word" not in shown.text


def test_a_key_that_is_no_key_is_named(examiner: Doctor, own_database: DatabaseUrls) -> None:
    shown = examiner.examine_elsewhere(own_database.application_url, "c2hvcnQ=")
    assert not shown.sound
    assert shown.wrong == ["AFTERGLOW_ENCRYPTION_KEY is not 32 bytes in base64."]


def test_what_waits_and_a_key_that_does_not_fit_are_named(
    examiner: Doctor, own_database: DatabaseUrls
) -> None:
    key = new_key_text()
    clinic_id = a_clinic_with_a_patient(own_database, key)
    shown = examiner.examine_elsewhere(own_database.application_url, key)
    assert shown.sound
    assert "The encryption key opens what is stored" in shown.marked("✓")

    with psycopg.connect(own_database.superuser_url) as connection:
        for statement in ONE_HELD_DELIVERY_AND_ONE_MAIL:
            connection.execute(statement, {"clinic": clinic_id})
    shown = examiner.examine_elsewhere(own_database.application_url)
    assert not shown.sound
    assert shown.wrong == ["The encryption key does not open what is stored."]
    assert "Webhooks not delivered: 1 held." in shown.marked("!")
    assert "Messages to people not sent: 1 email pending." in shown.marked("!")


def test_the_command_fails_when_something_is_wrong() -> None:
    with open_folder() as folder:
        data_dir = ("--data-dir", str(folder / "none"))
        assert afterglow_here("doctor", *data_dir).returncode == 0
        ended = afterglow_here("doctor", *data_dir, more={"AFTERGLOW_WEBHOOK_ALLOW": "everything"})
    assert ended.returncode == 1
    assert ended.stdout.endswith("\n1 to fix.\n")


@contextmanager
def a_worker_that_has_looked(data_dir: Path) -> Iterator[None]:
    """A worker has just looked at what is due, and ends in order afterwards."""
    settings, worker_id = Settings(data_dir=data_dir), new_id()
    with open_runtime(settings) as runtime:

        async def note(what: Callable[[UnitOfWork, UUID], Awaitable[None]]) -> None:
            context = runtime.context(settings)
            async with context.work(None) as work:
                await what(work, worker_id)
            await context.database.close()

        asyncio.run(note(partial(heartbeats.beat, does=heartbeats.OF_A_WORKER)))
        yield
        asyncio.run(note(heartbeats.end))


def a_clinic_with_a_patient(own_database: DatabaseUrls, key: str) -> str:
    settings = Settings(database_url=own_database.application_url, encryption_key=key)  # type: ignore[arg-type] # checked by pydantic
    with open_runtime(settings) as runtime:
        clinic_id = open_new_clinic(runtime, settings, name="Clinic").clinic_id

        async def add() -> None:
            context = runtime.context(settings)
            patient = Registration(external_ref="P-1", time_zone="UTC", locale="en")
            async with context.work(clinic_id, actor=OPERATOR) as work:
                await register(work, patient)
            await context.database.close()

        asyncio.run(add())
    return str(clinic_id)


ONE_HELD_DELIVERY_AND_ONE_MAIL = (
    """INSERT INTO care.outgoing_messages
           (clinic_id, id, channel, wording, locale, mode, state, queued_at, attempts, next_attempt_at, urgent)
       VALUES (%(clinic)s, %(clinic)s, 'email', 'contact_test', 'en', 'live', 'pending', now(), 0, now(), false)""",
    """INSERT INTO care.notifications (clinic_id, id, type, occurred_at, body)
       VALUES (%(clinic)s, %(clinic)s, 'endpoint.test', now(), '{}')""",
    """INSERT INTO care.webhook_endpoints (clinic_id, id, url_sealed, secret_sealed, state, created_at, version)
       VALUES (%(clinic)s, %(clinic)s, 'x', 'x', 'disabled', now(), 1)""",
    """INSERT INTO care.deliveries
           (clinic_id, id, notification_id, endpoint_id, urgency, state, attempts_made)
       VALUES (%(clinic)s, %(clinic)s, %(clinic)s, %(clinic)s, 'ordinary', 'held', 1)""",
)
