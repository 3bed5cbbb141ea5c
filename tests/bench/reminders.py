"""How long reminders due in one minute take to be out: ``python -m tests.bench.reminders --patients 10000``.

Two workers are ``afterglow worker`` as an operator starts them; the mail server is here and only counts. The goal is
100,000 in 12 minutes on two cores: 139 a second.
"""

import argparse
import asyncio
import logging
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from uuid import UUID

import psycopg

from app.foundation.logs import set_up_logs
from app.foundation.vault import Vault
from tests.bench.delivery import START_WITHIN_SECONDS, WORKERS, CountingServer, worker, working
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
_NOBODY_ANSWERED = """
    DELETE FROM care.check_ins c USING mail_to m
     WHERE c.clinic_id = m.clinic_id AND c.patient_id = m.patient_id AND c.recorded_at > now() - interval '2 days'
"""
_LATER = """
    UPDATE care.reminder_plans p SET ask_at = %(ask_at)s, next_look_at = now() + interval '1 day'
      FROM mail_to m WHERE m.clinic_id = p.clinic_id AND m.patient_id = p.patient_id
"""
_ASKED_AT = "11:59"
_DUE = "UPDATE care.reminder_plans SET next_look_at = now() - interval '1 second' WHERE ask_at = %(ask_at)s"
# As many of each clinic as there are places in the lot.
_WHOSE = """
    SELECT clinic_id, patient_id, wrapped_key FROM care.patient_keys
     ORDER BY row_number() OVER (PARTITION BY clinic_id ORDER BY patient_id), clinic_id LIMIT %s
"""


class CountingMailServer(CountingServer):
    """Takes every mail and only counts them."""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak as much SMTP as a mail needs."""
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            command = line[:4].upper()
            if command == b"DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                self.taken += 1
            writer.write(b"221 bye\r\n" if command == b"QUIT" else b"250 OK\r\n")


def main() -> int:
    """Measure and print; exit status 1 when the goal is missed."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--patients", type=int, default=10_000)
    asked.add_argument("--clinics", type=int, default=10)
    options = asked.parse_args()
    set_up_logs(level=logging.ERROR)
    with running_cluster(in_memory()) as cluster, cluster.database() as place:
        each = options.patients // options.clinics
        for _ in range(options.clinics):
            sized_clinic(place, patients=each, waiting=2)
        return 1 if measure_reminders(place, options.patients) else 0


def measure_reminders(place: DatabaseUrls, count: int) -> list[str]:
    """Remind so many of the patients and print how long it took; gives the goal if it was missed."""
    _let_them_wait(place, count)
    with CountingMailServer().running() as mail, ExitStack() as stack:
        settings = {
            "AFTERGLOW_SMTP_URL": f"smtp://127.0.0.1:{mail.port}",
            "AFTERGLOW_MAIL_FROM": "a@clinic.example",
        }
        for _ in range(WORKERS):
            stack.enter_context(worker(place, settings))
        assert wait_until(lambda: working(place) == WORKERS, START_WITHIN_SECONDS)
        with psycopg.connect(place.superuser_url, autocommit=True) as connection:
            before = _transactions(connection)
            connection.execute(_DUE, {"ask_at": _ASKED_AT})
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
    return failed if done else [*failed, f"{count - mail.taken} reminders did not go out"]


def _let_them_wait(place: DatabaseUrls, count: int) -> None:
    """Give so many patients an address, and a reminder that is due once it is looked for."""
    vault, hour = Vault(KEY), datetime.now(UTC).hour
    with psycopg.connect(place.superuser_url, autocommit=True) as connection:
        keys = connection.execute(_WHOSE, [count]).fetchall()
        assert len(keys) == count
        connection.execute(_MAIL_TO)
        with connection.cursor().copy("COPY mail_to FROM STDIN") as copy:
            for clinic, patient, key in keys:
                copy.write_row((clinic, patient, _address(vault, clinic, patient, key)))
        connection.execute("ANALYZE mail_to")
        zone = f"Etc/GMT{hour - 12:+d}"
        connection.execute(_AT_NOON, {"zone": zone})
        connection.execute(_NOBODY_ANSWERED)
        connection.execute(_LATER, {"ask_at": _ASKED_AT})
        connection.execute("VACUUM ANALYZE care.patients, care.reminder_plans, care.check_ins")


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
