"""How long reminders due in one minute take to be out: ``python -m tests.bench.reminders --patients 10000``.

Two workers are ``afterglow worker`` as an operator starts them; the mail server is here and only counts. The goal is
100,000 in 12 minutes on two cores: 139 a second.
"""

import argparse
import asyncio
import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from uuid import UUID

import psycopg

from app.foundation.logs import set_up_logs
from app.foundation.vault import Vault
from tests.bench.delivery import START_WITHIN_SECONDS, WORKERS, worker, working
from tests.bench.goals import Goal, judged
from tests.bench.worklist import sized_clinic
from tests.support.databases import DatabaseUrls, in_memory, running_cluster
from tests.support.processes import wait_until
from tests.support.service import KEY

_WANTED_A_SECOND = 100_000 / (12 * 60)
_WITHIN_SECONDS = 3_600
_MAIL_TO = "CREATE TEMP TABLE mail_to (clinic_id UUID, patient_id UUID, email BYTEA)"
# Noon for everybody, so that it is nobody's quiet time, at whatever hour this runs; asked a minute ago.
_AT_NOON = """
    UPDATE care.patients p SET email_sealed = m.email, time_zone = %(zone)s, time_zone_canonical = %(zone)s
      FROM mail_to m WHERE m.clinic_id = p.clinic_id AND m.patient_id = p.id
"""
_NOBODY_ANSWERED = "DELETE FROM care.check_ins WHERE recorded_at > now() - interval '2 days'"
_LATER = "UPDATE care.reminder_plans SET ask_at = %(ask_at)s, next_look_at = now() + interval '1 day'"
_DUE = "UPDATE care.reminder_plans SET next_look_at = now() - interval '1 second'"


class CountingMailServer:
    """Takes every mail and only counts them."""

    def __init__(self) -> None:
        self.taken = 0
        self.port = 0

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        try:
            while line := await reader.readline():
                command = line[:4].upper()
                if command == b"DATA":
                    writer.write(b"354 go on\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                    self.taken += 1
                writer.write(b"221 bye\r\n" if command == b"QUIT" else b"250 OK\r\n")
        finally:
            writer.close()

    async def serve(self) -> None:
        """Serve until cancelled."""
        server = await asyncio.start_server(self._take, "127.0.0.1", 0, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        await server.serve_forever()


@contextmanager
def running_mail_server() -> Iterator[CountingMailServer]:
    """Run it in a thread."""
    mail = CountingMailServer()
    loop = asyncio.new_event_loop()
    task = loop.create_task(mail.serve())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    assert wait_until(lambda: mail.port != 0, 10)
    yield mail
    loop.call_soon_threadsafe(task.cancel)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def main() -> int:
    """Measure and print; exit status 1 when the goal is missed."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--patients", type=int, default=10_000)
    asked.add_argument("--clinics", type=int, default=10)
    options = asked.parse_args()
    set_up_logs(level=logging.ERROR)
    with (
        running_cluster(in_memory()) as cluster,
        cluster.database() as place,
        running_mail_server() as mail,
        ExitStack() as stack,
    ):
        each = options.patients // options.clinics
        for _ in range(options.clinics):
            sized_clinic(place, patients=each, waiting=2)
        count = _let_everybody_wait(place)
        settings = {
            "AFTERGLOW_SMTP_URL": f"smtp://127.0.0.1:{mail.port}",
            "AFTERGLOW_MAIL_FROM": "a@clinic.example",
        }
        for _ in range(WORKERS):
            stack.enter_context(worker(place, settings))
        assert wait_until(lambda: working(place) == WORKERS, START_WITHIN_SECONDS)
        with psycopg.connect(place.superuser_url, autocommit=True) as connection:
            before = _transactions(connection)
            connection.execute(_DUE)
            began = time.monotonic()
            # A sweep looks each ten seconds; that wait does not grow with what is due.
            assert wait_until(lambda: mail.taken > 0, 60)
            waited = time.monotonic() - began
            done = wait_until(lambda: mail.taken >= count, _WITHIN_SECONDS)
            seconds = time.monotonic() - began - waited
            transactions = (_transactions(connection) - before) / count
    rate = mail.taken / seconds
    sys.stdout.write(
        f"{mail.taken:,} of {count:,} reminders out in {seconds:.0f} s with {WORKERS} workers, the first after"
        f" {waited:.1f} s: 100,000 in {(100_000 / rate + waited) / 60:.1f} minutes at that rate;"
        f" {transactions:.1f} transactions each\n"
    )
    failed = judged([Goal("reminders a second with two workers", rate, least=_WANTED_A_SECOND)])
    return 1 if failed or not done else 0


def _let_everybody_wait(place: DatabaseUrls) -> int:
    """Give each patient an address, and a reminder that is due once it is looked for; gives how many they are."""
    vault, hour = Vault(KEY), datetime.now(UTC).hour
    with psycopg.connect(place.superuser_url, autocommit=True) as connection:
        keys = connection.execute(
            "SELECT clinic_id, patient_id, wrapped_key FROM care.patient_keys"
        ).fetchall()
        connection.execute(_MAIL_TO)
        with connection.cursor().copy("COPY mail_to FROM STDIN") as copy:
            for clinic, patient, key in keys:
                copy.write_row((clinic, patient, _address(vault, clinic, patient, key)))
        zone = f"Etc/GMT{hour - 12:+d}"
        connection.execute(_AT_NOON, {"zone": zone})
        connection.execute(_NOBODY_ANSWERED)
        connection.execute(_LATER, {"ask_at": "11:59"})
        connection.execute("VACUUM ANALYZE")
    return len(keys)


def _address(vault: Vault, clinic_id: UUID, patient_id: UUID, wrapped_key: bytes) -> bytes:
    own = vault.of_patient(wrapped_key, clinic_id=clinic_id, patient_id=patient_id)
    return own.seal(f"{patient_id}@example.org", table="patients", column="email_sealed", row_id=patient_id)


def _transactions(connection: psycopg.Connection) -> int:
    row = connection.execute(
        "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
    ).fetchone()
    assert row is not None
    return int(row[0])


if __name__ == "__main__":
    sys.exit(main())
