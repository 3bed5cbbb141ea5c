"""A change costs what came after it: the state is made again from the last checkpoint that holds, the same."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from app.care.monitoring.history import latest_of, present_history, protocol_of, snapshot_of
from app.care.monitoring.timeline_replay import ReplayedTimeline, kept_state, replayed
from app.clinical.state.checkpoints import DAYS_BETWEEN
from app.clinical.state.timeline import Timeline, timeline_of
from app.foundation.ids import new_id
from app.storage import check_ins, patient_states
from app.storage.engine.database import Database
from tests.support.databases import DatabaseUrls
from tests.support.people import CONFIRMED, ClinicClient, PatientClient, item, treated
from tests.support.service import NOW, Service

DAY = timedelta(days=1)
DAYS_OF_HISTORY = 230


@pytest.fixture(scope="module")
def phone(shared_service: Service, one_clinic: ClinicClient) -> PatientClient:
    """A patient who reported daily for months, and got boosters, all of it in order."""
    shared_service.clock.move_to(NOW)
    days_since = DAYS_OF_HISTORY - 20
    patient = treated(
        one_clinic,
        NOW,
        days_since=days_since,
        level=lambda day: (7 - day % 3, 6, 7),
        until=days_since - 12,
    )
    for ago in (150, 90, 40):
        given = {"given_at": (NOW - ago * DAY).isoformat(), "phase": "booster"}
        one_clinic.http.post(
            f"/v1/patients/{patient}/infusions", json={**given, **CONFIRMED}
        ).raise_for_status()
    phone = one_clinic.enrol(patient, shared_service.url)
    for ago in range(10, 1, -1):
        phone.check_in(NOW - ago * DAY, (6, 6, 6)).raise_for_status()
    return phone


def again(
    service: Service, clinic: ClinicClient, patient: str
) -> tuple[ReplayedTimeline, Timeline | None, Timeline, int]:
    """Made from a checkpoint, as it is kept, and made from the whole history; and how many reports were replayed."""

    async def ask() -> tuple[ReplayedTimeline, Timeline | None, Timeline, int]:
        async with service.context.work(UUID(clinic.clinic_id)) as work:
            snapshot = await snapshot_of(work, UUID(patient), now=work.now)
            protocol = protocol_of(snapshot, service.context)
            history = await present_history(work, UUID(patient), now=work.now)
            whole = timeline_of(history, as_of=latest_of(history, now=work.now), protocol=protocol)
            made = await replayed(work, snapshot, protocol=protocol, now=work.now)
            after = made.passed.after if made.passed else None
            later = await check_ins.current_history(work, UUID(patient), after=after)
            kept = kept_state(snapshot, protocol)
            return made, kept and kept.timeline, whole, len(later)

    return service.run(ask())


def assert_same(service: Service, clinic: ClinicClient, phone: PatientClient) -> int:
    """What is kept and what a checkpoint gives is what the whole history gives; gives the number of steps."""
    made, kept, whole, steps = again(service, clinic, phone.patient_id)
    assert made.timeline == whole
    assert kept == whole
    return steps


def test_a_state_is_made_again_from_a_step_back_and_not_from_the_whole_past(
    service: Service, one_clinic: ClinicClient, phone: PatientClient
) -> None:
    steps = assert_same(service, one_clinic, phone)
    assert steps <= DAYS_BETWEEN


def test_whatever_is_changed_in_whatever_order_the_state_is_that_of_the_whole_history(
    service: Service, one_clinic: ClinicClient, phone: PatientClient
) -> None:
    patient, http = phone.patient_id, one_clinic.http

    def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
        reply = http.post(f"/v1/patients/{patient}/{path}", json=body)
        assert reply.status_code in (200, 201), reply.text
        return dict(reply.json())

    def late(ago: float) -> str:
        sent = item(NOW - ago * DAY, (2, 3, 4))
        (result,) = post("check-ins/batch", {"items": [sent | CONFIRMED]})["results"]
        assert result["status"] == 201, result
        return str(sent["id"])

    def void(kind: str, one: object) -> None:
        post(f"{kind}/{one}/void", {"reason": "entered twice"})

    steps: dict[str, int] = {}

    def changed(name: str, change: Callable[[], object]) -> object:
        found = change()
        steps[name] = assert_same(service, one_clinic, phone)
        return found

    yesterday = changed("late by a day", lambda: late(1.4))
    half_a_year = changed("late by half a year", lambda: late(180.3))
    changed("the first voided", lambda: void("check-ins", yesterday))
    changed("the second voided", lambda: void("check-ins", half_a_year))
    # As many reports as before, but not the same ones.
    changed("one restored", lambda: post(f"check-ins/{half_a_year}/restore", {"reason": "true after all"}))
    given = {"given_at": (NOW - 60 * DAY).isoformat(), "phase": "booster"}
    booster = changed("late infusion", lambda: post("infusions", {**given, **CONFIRMED})["id"])
    changed("infusion voided", lambda: void("infusions", booster))
    sent = str(new_id())
    changed("sent", lambda: phone.check_in(NOW - 0.4 * DAY, (5, 5, 5), check_in_id=sent).raise_for_status())
    changed(
        "corrected",
        lambda: phone.check_in(NOW - 0.4 * DAY, (1, 2, 1), supersedes=sent).raise_for_status(),
    )
    changed(
        "another form",
        lambda: post("assessments", {"scale": "phq-9", "taken_at": NOW.isoformat(), "total": 8}),
    )
    assert {
        name: steps[name] for name in ("late by a day", "sent", "corrected") if steps[name] > DAYS_BETWEEN
    } == {}
    assert steps["late infusion"] <= 4 * DAYS_BETWEEN


class _Beside(ThreadPoolExecutor):
    """Notes what is run beside the event loop, and lets it begin only once the loop has done something else."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(1)
        self.loop, self.ran = loop, list[str]()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 - as the base class
        def run() -> Any:  # noqa: ANN401 - same
            others = threading.Event()
            self.loop.call_soon_threadsafe(others.set)
            assert others.wait(20), "the event loop was kept waiting"
            return fn(*args, **kwargs)

        self.ran.append(fn.args[0].__name__ if isinstance(fn, partial) else fn.__name__)
        return super().submit(run)


def test_a_long_replay_runs_beside_the_event_loop_and_a_short_one_in_it(
    shared_database: DatabaseUrls, shared_service: Service, one_clinic: ClinicClient, phone: PatientClient
) -> None:
    clinic_id, patient = UUID(one_clinic.clinic_id), UUID(phone.patient_id)

    async def ran(*, checkpoints: bool) -> list[str]:
        loop = asyncio.get_running_loop()
        beside = _Beside(loop)
        loop.set_default_executor(beside)
        context = replace(shared_service.context, database=Database(shared_database.application_url))
        try:
            async with context.work(clinic_id) as work:
                if not checkpoints:
                    forget = update(patient_states.PatientStateRow).where(
                        patient_states.PatientStateRow.clinic_id == clinic_id,
                        patient_states.PatientStateRow.patient_id == patient,
                    )
                    await work.execute(forget.values(checkpoints=[]), unaudited="undone at once")
                snapshot = await snapshot_of(work, patient, now=work.now)
                await replayed(work, snapshot, protocol=protocol_of(snapshot, context), now=work.now)
                await work.start_over()
        finally:
            await context.database.close()
        return beside.ran

    assert asyncio.run(ran(checkpoints=True)) == []
    assert asyncio.run(ran(checkpoints=False)) == ["replay_from"]


def test_reports_in_order_leave_a_checkpoint_behind_once_a_month(
    service: Service, one_clinic: ClinicClient, phone: PatientClient
) -> None:
    before = kept_of(service, one_clinic, phone)
    service.clock.move_to(NOW + 60 * DAY)
    for ahead in range(1, 2 * DAYS_BETWEEN + 2, 4):
        one_clinic.import_days(phone.patient_id, NOW + ahead * DAY, [(6, 6, 6)])
    after = kept_of(service, one_clinic, phone)
    assert len(set(after) - set(before)) == 2
    assert assert_same(service, one_clinic, phone) <= DAYS_BETWEEN


def kept_of(service: Service, clinic: ClinicClient, phone: PatientClient) -> list[str]:
    async def ask() -> list[str]:
        async with service.context.work(UUID(clinic.clinic_id)) as work:
            kept = await patient_states.checkpoints(work, UUID(phone.patient_id))
            return [one["through"] for one in kept]

    return service.run(ask())
