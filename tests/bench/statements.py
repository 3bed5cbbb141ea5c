"""The same statements from pgbench, without any Python: what the database itself can do."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

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


def pgbench_rate(pgbench: Path, place: DatabaseUrls, clients: int, seconds: float) -> float:
    """Transactions a second, with as many clients, each on a separate patient."""
    with psycopg.connect(place.superuser_url) as connection:
        row = connection.execute(
            "SELECT clinic_id, encode(packed_state, 'hex') FROM care.patient_states"
            " WHERE packed_state IS NOT NULL LIMIT 1"
        )
        found = row.fetchone()
        tokens = connection.execute(
            "SELECT encode(digest, 'hex') FROM care.device_tokens WHERE kind = 'access' ORDER BY id"
        ).fetchall()
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
    with tempfile.TemporaryDirectory() as folder:
        scripts = []
        for number in range(clients):
            digest = tokens[number % len(tokens)][0]
            snapshot = _filled(
                check_in_path._SNAPSHOT,
                values | {"digest": f"decode('{digest}', 'hex')", "patient_id": "NULL::uuid"},
            )
            script = Path(folder) / f"{number}.sql"
            script.write_text(f"{_one_line(snapshot)} \\gset s_\n{_one_line(record)};\n")
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
