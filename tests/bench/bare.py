"""A bare FastAPI route that runs the statements of a check-in, and nothing else: the measure of what we add.

No validation, no evaluation, no sealing, no limits, no log. The parameters have the sizes of real ones.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import psycopg_pool
import uvicorn
from fastapi import FastAPI, Request

from app.foundation.ids import new_id
from app.foundation.tokens import TokenKind, read_token
from app.storage import check_in_path
from app.storage.engine.database import SESSION_OPTIONS

SNAPSHOT = check_in_path._SNAPSHOT
RECORD = check_in_path._RECORD


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the pool."""
    async with psycopg_pool.AsyncConnectionPool(
        os.environ["AFTERGLOW_BENCH_DATABASE"],
        min_size=10,
        max_size=10,
        kwargs={
            "autocommit": True,
            "options": SESSION_OPTIONS,
            "prepare_threshold": 3,
        },
    ) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


@app.put("/v1/check-ins/{check_in_id}", status_code=201)
async def put(check_in_id: str, body: dict[str, Any], request: Request) -> dict[str, Any]:
    """Run the statements."""
    token = read_token(request.headers["authorization"][7:], TokenKind.DEVICE_ACCESS)
    now = datetime.now(UTC)
    async with request.app.state.pool.connection() as connection:
        for _ in range(5):
            if await _once(connection, token.clinic_id, token.digest, check_in_id, now):
                break
    return body


async def _once(
    connection: psycopg.AsyncConnection[Any],
    clinic_id: UUID,
    digest: bytes,
    check_in_id: str,
    now: datetime,
) -> bool:
    cursor = connection.cursor()
    asked = {"tenant": str(clinic_id), "clinic_id": clinic_id, "digest": digest, "patient_id": None}
    await cursor.execute(SNAPSHOT, asked | {"ids": [check_in_id], "now": now})
    row = await cursor.fetchone()
    assert row is not None
    device, patient, version, sequence = row[0], row[1], row[6], row[7]
    await cursor.execute(RECORD, parameters(clinic_id, patient, device, version, sequence, check_in_id, now))
    written = await cursor.fetchone()
    return bool(written and written[0])


def parameters(
    clinic_id: UUID, patient: UUID, device: UUID, version: int, sequence: int, check_in_id: str, now: datetime
) -> dict[str, Any]:
    """Parameters of the sizes that the service sends."""
    row = (
        f'[{{"id":"{check_in_id}","audit_id":"{new_id()}","sync_sequence":{sequence + 1},"digest":"{"00" * 32}",'
        f'"recorded_at":"{now.isoformat()}","time_zone":"Europe/Berlin","check_in_day":"{now.date()}",'
        f'"received_at":"{now.isoformat()}","late":false,"mood":8,"energy":8,"sleep_quality":8,"sleep_hours":null,'
        '"asks_about_booster":false,"self_harm_thoughts":false,"input_mode":"radio","note_sealed":null,'
        f'"supersedes":null,"evaluated_at":"{now.isoformat()}","level":"steady","smoothed":0.1,'
        '"rule_version":"gain-lost 2.0","zone_rules":"2026f"}]'
    )
    return {
        "tenant": str(clinic_id),
        "clinic_id": clinic_id,
        "patient_id": patient,
        "version": version,
        "rows": row,
        "packed_state": bytes.fromhex(os.environ["AFTERGLOW_BENCH_STATE"]),
        "burst": False,
        "announced": [],
        "level": "steady",
        "as_of": now,
        "audit_at": now,
        "audit_actor_kind": "device",
        "audit_actor_id": device,
    }


if __name__ == "__main__":
    uvicorn.run(
        app,
        port=int(os.environ["AFTERGLOW_BENCH_PORT"]),
        log_level="error",
        access_log=False,
        date_header=False,
    )
