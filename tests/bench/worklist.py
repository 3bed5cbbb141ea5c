"""The worklist of a clinic with 5,000 patients and 200 items against that of one with 50 and 2, in turn.

Both clinics lie in the same database, with a month of data for each patient; the same process answers for both.
"""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from app.access.clinics.permissions import StaffRole
from app.foundation.ids import new_id
from app.foundation.tokens import TokenKind, read_token
from app.foundation.vault import Vault
from tests.bench.goals import Goal, judged
from tests.bench.pages import Slice, getting, measure_page
from tests.support.care_browser import SESSION, fading_at
from tests.support.databases import DatabaseUrls
from tests.support.people import clinic_client, treated
from tests.support.service import KEY, running_service
from tests.support.staff import signed_in

MOST_TIMES_SMALL = 1.3
# As long as a loaded database is kept.
_TOKEN_DAYS = 90
# Each with the column by which its rows are written in the order of their time, as a clinic's are.
_COPIED = {
    "patient_states": "evaluated_at",
    "reminder_plans": "patient_id",
    "courses": "created_at",
    "infusions": "given_at",
    "check_ins": "recorded_at",
}
_PATIENTS = """
    COPY care.patients (clinic_id, id, external_ref_index, external_ref_key, external_ref_sealed, time_zone,
         time_zone_canonical, locale, mode, registered_at, version) FROM STDIN
"""
_DEVICES = "COPY care.devices (clinic_id, id, patient_id, name_sealed, enrolled_at) FROM STDIN"
_TOKENS = "COPY care.device_tokens (clinic_id, id, device_id, kind, digest, issued_at, expires_at) FROM STDIN"
_KEYS = "COPY care.patient_keys (clinic_id, patient_id, wrapped_key, made_at) FROM STDIN"
# A UUIDv7 of a moment; PostgreSQL makes them itself from 18 on, in a tenth of the time.
_ID_OF = """
    CREATE OR REPLACE FUNCTION pg_temp.id_of(at timestamptz) RETURNS uuid LANGUAGE sql VOLATILE AS $$ SELECT {made} $$
"""
_MADE_BY_18 = "uuidv7(at - clock_timestamp())"
_MADE_BEFORE_18 = """
    (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
     || '7' || substr(gen_random_uuid()::text, 16, 3) || substr(gen_random_uuid()::text, 20, 17))::uuid
"""
_COLUMNS = """
    SELECT attname FROM pg_attribute
     WHERE attrelid = ('care.' || %s)::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
# The rows of the one patient whom the service itself treated and judged, as another's.
_LIKE_THE_FIRST = """
    INSERT INTO care.{table} ({columns})
    SELECT {values} FROM care.{table} t, unnest(%(patients)s::uuid[]) WITH ORDINALITY AS p (id, n)
     WHERE t.clinic_id = %(from_clinic)s AND t.patient_id = %(first)s {further} ORDER BY t.{order}
"""
_STEPS = """
    INSERT INTO care.alert_steps (clinic_id, id, patient_id, alert_kind, alert_id, action, at, actor_kind)
    SELECT clinic_id, pg_temp.id_of(raised_at), patient_id, 'signal', id, 'signal.raised', raised_at, 'system'
      FROM care.signals
     WHERE clinic_id = %(clinic)s AND patient_id = ANY(%(patients)s) AND (state = 'closed') = %(closed)s
"""
_FINDING = """
    INSERT INTO care.findings (clinic_id, id, patient_id, code, state, raised_at, raised_on, facts, version)
    SELECT %(clinic)s, pg_temp.id_of(now()), p.id, %(code)s, 'open', now(), %(today)s, '{}', 1
      FROM unnest(%(some)s::uuid[]) AS p (id)
"""
_LOOKED = """
    UPDATE care.reminder_plans SET next_look_at = %(tomorrow)s
     WHERE clinic_id = %(clinic)s AND patient_id = %(first)s
"""
_OWN = {
    "clinic_id": "%(clinic)s::uuid",
    "patient_id": "p.id",
    "id": "pg_temp.id_of(now())",
    "began_course_id": "CASE WHEN t.began_course_id IS NOT NULL THEN (SELECT c.id FROM care.courses c"
    " WHERE c.clinic_id = %(clinic)s AND c.patient_id = p.id LIMIT 1) END",
}
_RAISED = {"raised_at": "t.raised_at + p.n * interval '1 second'"}
_CLOSED = {"state": "'closed'", "closed_at": "'2026-01-01T00:00:00Z'", "disposition": "'booster_given'"}


@dataclass(frozen=True)
class Sized:
    """A clinic of some size, a member's cookie, a key, and the patients whom the service itself judged."""

    clinic_id: UUID
    patients: int
    cookie: str
    key: str
    first: str
    steady: str | None


def clinics_of_both_sizes(place: DatabaseUrls) -> tuple[Sized, Sized]:
    """Make the large clinic and the small one; in both one patient in 25 waits for something."""
    large, small = (sized_clinic(place, patients=count, waiting=count // 25) for count in (5000, 50))
    with psycopg.connect(place.superuser_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return large, small


def sized_clinic(place: DatabaseUrls, *, patients: int, waiting: int, with_steady: bool = False) -> Sized:
    """Make a clinic whose patients have the past of a first one, whom the service treated and judged.

    ``with_steady``: only those who wait for something; the others have that of a second one, who is steady.
    """
    now = datetime.now(UTC)
    with running_service(place.application_url, now=now, work=False) as service:
        clinic = clinic_client(service)
        first = fading_at(clinic, now)["patient_id"]
        steady = treated(clinic, now, days_since=24, level=lambda _: (8, 8, 8)) if with_steady else None
        cookie = _cookie(signed_in(service, clinic.clinic_id, StaffRole.CLINICIAN))
        clinic.close()
    with psycopg.connect(place.superuser_url, autocommit=True) as connection:
        fill(
            connection,
            UUID(clinic.clinic_id),
            UUID(first),
            patients=patients,
            waiting=waiting,
            now=now,
            steady=steady,
        )
    return Sized(UUID(clinic.clinic_id), patients, cookie, clinic.key, first, steady)


def signed_in_again(place: DatabaseUrls, one: Sized) -> Sized:
    """Give the same clinic with another member's session, which begins now."""
    with running_service(place.application_url, now=datetime.now(UTC), work=False) as service:
        token = signed_in(service, str(one.clinic_id), StaffRole.CLINICIAN)
    return replace(one, cookie=_cookie(token))


def _cookie(token: str) -> str:
    # With and without the prefix, which follows the service's public address.
    return f"{SESSION}={token}; {SESSION.removeprefix('__Host-')}={token}"


def fill(
    connection: psycopg.Connection,
    clinic: UUID,
    first: UUID,
    *,
    patients: int,
    waiting: int,
    now: datetime,
    from_clinic: UUID | None = None,
    steady: UUID | str | None = None,
) -> None:
    """Write the rows, in bulk: patients with the first one's past; half of what waits are signals, half findings.

    So the large clinic's page shows two full lanes, the small clinic's two rows. The first one may be of another
    clinic, ``from_clinic``, and is then not one of the patients. Where there is a ``steady`` one beside the first,
    those who wait for nothing have that one's past.
    """
    treated_here = 0 if from_clinic is not None else 1 if steady is None else 2
    made = [new_id() for _ in range(patients - treated_here)]
    copy_patients(connection, clinic, made, now)
    values: dict[str, Any] = {"clinic": clinic, "from_clinic": from_clinic or clinic, "first": first}
    values |= {"today": now.date(), "tomorrow": now + timedelta(days=1)}
    make_id_function(connection)
    for table, order in _COPIED.items():
        later = {"next_look_at": "%(tomorrow)s"} if table == "reminder_plans" else {}
        waits = len(made) if steady is None else waiting
        for past, whose in ((first, made[:waits]), (steady, made[waits:])):
            _copy(connection, table, values | {"first": past, "patients": whose}, order=order, changed=later)
    # The first patient's own is one of them.
    signals = waiting - waiting // 2
    for changed, whose in (({}, made[: max(0, signals - (from_clinic is None))]), (_CLOSED, made)):
        some = values | {"patients": whose, "closed": bool(changed)}
        _copy(
            connection,
            "signals",
            some,
            changed=_RAISED | changed,
            further="AND t.state = 'open'",
            order="raised_at",
        )
        connection.execute(_STEPS, some)
    connection.execute(_LOOKED, values)
    found = made[signals:waiting]
    connection.execute(_FINDING, values | {"code": "overdue", "some": found[::2]})
    connection.execute(_FINDING, values | {"code": "no_reference", "some": found[1::2]})


def make_id_function(connection: psycopg.Connection) -> None:
    """Make the session's function ``id_of``, which gives an id of a moment."""
    new_enough = connection.info.server_version >= 180_000
    connection.execute(_ID_OF.format(made=_MADE_BY_18 if new_enough else _MADE_BEFORE_18).encode())


def _copy(
    connection: psycopg.Connection,
    table: str,
    values: dict[str, Any],
    *,
    order: str,
    changed: dict[str, str] | None = None,
    further: str = "",
) -> None:
    """Write the first patient's rows of a table as others', with some columns changed."""
    columns = [name for (name,) in connection.execute(_COLUMNS, [table]).fetchall()]
    others = _OWN | ({} if order.endswith("id") else {"id": f"pg_temp.id_of(t.{order})"}) | (changed or {})
    statement = _LIKE_THE_FIRST.format(
        table=table,
        columns=", ".join(columns),
        values=", ".join(others.get(name, f"t.{name}") for name in columns),
        further=further,
        order=order,
    )
    connection.execute(statement.encode(), values)


def copy_patients(connection: psycopg.Connection, clinic: UUID, made: list[UUID], now: datetime) -> None:
    """Write patients with their own keys, and references that open with them."""
    vault = Vault(KEY)
    keys = {patient: vault.new_patient_key(clinic_id=clinic, patient_id=patient) for patient in made}
    with connection.cursor() as cursor:
        with cursor.copy(_PATIENTS) as copy:
            for number, (patient, key) in enumerate(keys.items()):
                own = vault.of_patient(key, clinic_id=clinic, patient_id=patient)
                sealed = own.seal(
                    f"P-{number:06}", table="patients", column="external_ref_sealed", row_id=patient
                )
                zones, found_by = ("Europe/Berlin", "Europe/Berlin"), (patient.bytes, patient.bytes)
                copy.write_row((clinic, patient, *found_by, sealed, *zones, "en-US", "test", now, 1))
        with cursor.copy(_KEYS) as copy:
            for patient, key in keys.items():
                copy.write_row((clinic, patient, key, now))


def enrolled(connection: psycopg.Connection, patients: list[tuple[UUID, UUID]], now: datetime) -> list[str]:
    """Give each a device with a token."""
    made = [(clinic, patient, new_id(), token_of(clinic, patient)) for clinic, patient in patients]
    with connection.cursor() as cursor:
        with cursor.copy(_DEVICES) as copy:
            for clinic, patient, device, _ in made:
                copy.write_row((clinic, device, patient, b"-", now))
        with cursor.copy(_TOKENS) as copy:
            for clinic, _, device, token in made:
                digest = read_token(token, TokenKind.DEVICE_ACCESS).digest
                copy.write_row(
                    (clinic, new_id(), device, "access", digest, now, now + timedelta(days=_TOKEN_DAYS))
                )
    return [token for *_, token in made]


def token_of(clinic: UUID, patient: UUID) -> str:
    """Give the token of a patient who is enrolled here: it is known without being kept."""
    return f"{TokenKind.DEVICE_ACCESS}_{clinic.hex}_{patient.hex}"


def measure_worklists(
    place: DatabaseUrls,
    process_id: int,
    port: int,
    large: Sized,
    small: Sized,
    *,
    slices: int,
    seconds: float,
) -> Iterator[tuple[Slice, Slice]]:
    """Measure both worklists in turn."""
    for _ in range(slices):
        one, other = (
            measure_page(place, process_id, port, getting("/care/", clinic.cookie), seconds)
            for clinic in (large, small)
        )
        yield one, other


def report_worklists(slices: list[tuple[Slice, Slice]]) -> list[str]:
    """Print the ratios; gives what missed its target.

    Judged by processor time, PostgreSQL's included, as the check-in form is.
    """
    ratio = statistics.median(large.cost / small.cost for large, small in slices)
    waits = statistics.median(large.wait / small.wait for large, small in slices)
    large, small = (statistics.median(one.cost for one in every) * 1e3 for every in zip(*slices, strict=True))
    print(  # noqa: T201 - its report
        f"worklist: {large:.1f} ms of processor with 5,000 patients, {small:.1f} ms with 50: ratio {ratio:.2f}"
        f" (by slice: {' '.join(f'{one.cost / two.cost:.2f}' for one, two in slices)}); waits {waits:.2f}"
    )
    return judged([Goal("worklist, 5,000 patients ÷ 50", ratio, most=MOST_TIMES_SMALL)])
