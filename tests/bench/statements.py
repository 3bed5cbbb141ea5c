"""The same statements from pgbench, without any Python: what the database itself can do."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from app.foundation.tokens import TokenKind, read_token
from app.storage import check_in_path
from tests.support.databases import DatabaseUrls

_VALUES = {
    "announced": "'{}'",
    "level": "'steady'",
    "as_of": "now()",
    "audit_at": "now()",
    "audit_actor_kind": "'device'",
    "audit_actor_id": "gen_random_uuid()",
    "now": "now()",
    # A constant: a volatile function here would keep the index from being used.
    "ids": "ARRAY['00000000-0000-4000-8000-000000000000'::uuid]",
}
_ROWS = """jsonb_build_array(jsonb_build_object('id', gen_random_uuid(), 'audit_id', gen_random_uuid(),
 'sync_sequence', :s_sync_sequence + 1, 'digest', repeat('00', 32), 'recorded_at', now(), 'time_zone',
 'Europe/Berlin', 'check_in_day', current_date, 'received_at', now(), 'late', false, 'mood', 8, 'energy', 8,
 'sleep_quality', 8, 'asks_about_booster', false, 'self_harm_thoughts', false, 'input_mode', 'radio',
 'evaluated_at', now(), 'level', 'steady', 'smoothed', 0.1, 'rule_version', 'gain-lost 2.0', 'zone_rules',
 '2026f'))"""


_NUMBERED = """
    INSERT INTO care.device_tokens (clinic_id, id, device_id, kind, digest, issued_at, expires_at)
    SELECT t.clinic_id, gen_random_uuid(), t.device_id, t.kind, sha256(convert_to((d.n - 1)::text, 'UTF8')),
           t.issued_at, t.expires_at
      FROM unnest(%s::bytea[]) WITH ORDINALITY AS d (digest, n) JOIN care.device_tokens t USING (digest)
"""
# By its number, so that one script is of many callers; each client's are others, as two would wait for each other.
_CALLER = r"\set caller {client} + {clients} * random(0, {callers} / {clients} - 1)"
_DIGEST = "sha256(convert_to(:caller::text, 'UTF8'))"


def number_tokens(place: DatabaseUrls, tokens: list[str]) -> None:
    """Give each caller a second token, whose digest is made of the caller's number: 0, 1, …"""
    digests = [read_token(token, TokenKind.DEVICE_ACCESS).digest for token in tokens]
    with psycopg.connect(place.superuser_url, autocommit=True) as connection:
        connection.execute(_NUMBERED, [digests])
        connection.execute("VACUUM ANALYZE care.device_tokens")


def pgbench_rate(pgbench: Path, place: DatabaseUrls, callers: int, clients: int, seconds: float) -> float:
    """Transactions a second, with as many clients, each of its own share of the numbered callers."""
    with psycopg.connect(place.superuser_url) as connection:
        row = connection.execute(
            "SELECT clinic_id, encode(packed_state, 'hex') FROM care.patient_states"
            " WHERE packed_state IS NOT NULL LIMIT 1"
        )
        found = row.fetchone()
    assert found is not None
    clinic_id, packed_state = found
    values = _VALUES | {
        "tenant": f"'{clinic_id}'",
        "clinic_id": f"'{clinic_id}'",
        "patient_id": ":s_patient_id",
        "version": ":s_version",
        "rows": _ROWS,
        "packed_state": f"decode('{packed_state}', 'hex')",
        "burst": "false",
    }
    record = _filled(check_in_path._RECORD, values)
    snapshot = _filled(check_in_path._SNAPSHOT, values | {"digest": _DIGEST, "patient_id": "NULL::uuid"})
    with tempfile.TemporaryDirectory() as folder:
        scripts = []
        for number in range(clients):
            caller = _CALLER.format(client=number, clients=clients, callers=callers)
            script = Path(folder) / f"{number}.sql"
            script.write_text(f"{caller}\n{_one_line(snapshot)} \\gset s_\n{_one_line(record)};\n")
            scripts.append(script)
        return sum(_run(pgbench, place, scripts, clients, seconds))


def _run(
    pgbench: Path, place: DatabaseUrls, scripts: list[Path], clients: int, seconds: float
) -> list[float]:
    url = make_url(place.application_url)
    environment = os.environ | {
        "PGHOST": str(url.query["host"]),
        "PGPORT": str(url.query["port"]),
        "PGUSER": str(url.username),
        "PGDATABASE": str(url.database),
        "PGOPTIONS": "-c search_path=care,front_desk,jobs -c jit=off",
    }
    # One script for each client: two clients on one patient would wait for each other.
    running = [
        subprocess.Popen(
            [
                str(pgbench),
                "-n",
                "-M",
                "prepared",
                "-c",
                "1",
                "-T",
                str(max(1, round(seconds))),
                "-f",
                str(script),
            ],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for script in scripts
    ]
    rates = []
    for process in running:
        out, err = process.communicate(timeout=120)
        found = re.search(r"tps = ([\d.]+)", out)
        if found is None:
            raise RuntimeError(err[-500:])
        rates.append(float(found[1]))
    assert len(rates) == clients
    return rates


def _filled(statement: str, values: dict[str, str]) -> str:
    return re.sub(r"%\((\w+)\)s", lambda match: values[match[1]], statement)


def _one_line(statement: str) -> str:
    return " ".join(statement.split())
