"""Retention: what is too old goes, what has to stay does, and a hold stands before everything."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.access.audit.seals import verify
from app.access.clinics.commands import close_clinic
from app.care.retention.commands import remove_old
from app.foundation.audit import OPERATOR
from app.foundation.ids import new_id
from app.notifications.stream.queries import keep_stream
from app.storage import clinics
from app.storage.engine.migrating import APPLICATION_ROLE
from app.worker import Worker
from tests.cli.command_line import afterglow_here
from tests.storage.catalogue import ask
from tests.support.clinics import seal_audit_log
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, clinic_client, treated
from tests.support.problems import assert_problem
from tests.support.processes import wait_until
from tests.support.service import KEY, NOW, Service

ALL_KINDS = {"deliveries_months": 24, "messages_months": 24, "archived_patients_months": 24}


@pytest.fixture
def clinic(service: Service) -> Iterator[ClinicClient]:
    made = clinic_client(service)
    kept = made.http.put("/v1/clinic/retention", json=ALL_KINDS)
    assert kept.json() == ALL_KINDS
    yield made
    made.close()


def execute(database: DatabaseUrls, statement: str, **values: object) -> None:
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute(statement.encode(), values)


def add_event(
    database: DatabaseUrls,
    clinic: ClinicClient,
    patient: str | None,
    *,
    endpoint: str,
    months: int = 36,
    state: str = "delivered",
) -> None:
    """Something that happened so long ago, was sent to an endpoint, and was tried once."""
    values = {
        "clinic": clinic.clinic_id,
        "patient": patient,
        "months": months,
        "event": new_id(),
        "delivery": new_id(),
        "endpoint": endpoint,
        "state": state,
    }
    for statement in (
        (
            "INSERT INTO care.notifications (clinic_id, id, type, patient_id, occurred_at, body)"
            " VALUES (%(clinic)s, %(event)s, 'signal.raised', %(patient)s,"
            " now() - make_interval(months => %(months)s), '{}')"
        ),
        (
            "INSERT INTO care.deliveries (clinic_id, id, notification_id, endpoint_id, urgency, state, attempts_made)"
            " VALUES (%(clinic)s, %(delivery)s, %(event)s, %(endpoint)s, 'ordinary', %(state)s, 1)"
        ),
        (
            "INSERT INTO care.attempts (clinic_id, id, delivery_id, started_at, milliseconds)"
            " VALUES (%(clinic)s, %(event)s, %(delivery)s, now(), 5)"
        ),
    ):
        execute(database, statement, **values)


def an_old_id() -> UUID:
    """An id of 2022, as a message of then has it."""
    return UUID(f"018{str(new_id())[3:]}")


def add_message(database: DatabaseUrls, clinic: ClinicClient, patient: str, *, state: str = "sent") -> None:
    """A message of years ago, and the reminder that it carried."""
    for statement in (
        (
            "INSERT INTO care.outgoing_messages (clinic_id, id, channel, wording, locale, mode, state, queued_at,"
            " attempts, next_attempt_at, urgent, patient_id) VALUES (%(clinic)s, %(id)s, 'email', 'check_in_due',"
            " 'en', 'test', %(state)s, now() - interval '4 years', 1, now() + interval '1 day', false, %(patient)s)"
        ),
        (
            "INSERT INTO care.reminders (clinic_id, id, patient_id, check_in_day, slot, channel, asked_at) VALUES"
            " (%(clinic)s, %(id)s, %(patient)s, current_date - 1500, 'check_in', 'email', now() - interval '4 years')"
        ),
    ):
        execute(database, statement, id=an_old_id(), clinic=clinic.clinic_id, patient=patient, state=state)


def counts(database: DatabaseUrls, clinic: ClinicClient, patient: str) -> dict[str, int]:
    tables = ("notifications", "outgoing_messages", "reminders")
    return {
        table: ask(
            database.superuser_url,
            f"SELECT count(*) AS number FROM care.{table}"  # noqa: S608 - the test's own names
            " WHERE clinic_id = %(clinic)s AND patient_id = %(patient)s",
            clinic=clinic.clinic_id,
            patient=patient,
        )[0]["number"]
        for table in tables
    }


def apply(service: Service, clinic: ClinicClient) -> None:
    """As the worker does it each hour."""
    service.run(remove_old(service.context, UUID(clinic.clinic_id)))


def close_findings(database: DatabaseUrls, clinic: ClinicClient) -> None:
    """Whatever was found about the clinic's patients so far is nobody's any more."""
    execute(
        database,
        "UPDATE care.findings SET state = 'closed', escalate_at = NULL WHERE clinic_id = %(clinic)s",
        clinic=clinic.clinic_id,
    )


def closed_endpoint(clinic: ClinicClient) -> str:
    return str(clinic.add_endpoint("http://127.0.0.1:9/none", events=["endpoint.test"])["id"])


def test_what_is_older_than_the_clinic_keeps_goes_and_all_else_stays(
    service: Service, shared_database: DatabaseUrls, clinic: ClinicClient
) -> None:
    patient, endpoint = clinic.patient(), closed_endpoint(clinic)
    for months in (36, 25, 23, 0):
        add_event(shared_database, clinic, patient, endpoint=endpoint, months=months)
    add_event(shared_database, clinic, None, endpoint=endpoint)
    add_message(shared_database, clinic, patient)
    before = counts(shared_database, clinic, patient)

    apply(service, clinic)

    assert counts(shared_database, clinic, patient) == {
        "notifications": before["notifications"] - 2,
        "outgoing_messages": before["outgoing_messages"] - 1,
        "reminders": before["reminders"] - 1,
    }
    left = ask(
        shared_database.superuser_url,
        "SELECT count(*) AS number FROM care.attempts WHERE clinic_id = %(clinic)s",
        clinic=clinic.clinic_id,
    )
    assert left == [{"number": 2}]
    lines = clinic.http.get("/v1/audit-events", params={"action": "retention.deliveries_removed"})
    assert [one["actor_kind"] for one in lines.json()["items"]] == ["system"]


def test_without_a_rule_everything_is_kept(
    service: Service, shared_database: DatabaseUrls, clinic: ClinicClient
) -> None:
    patient = clinic.patient()
    assert set(clinic.http.put("/v1/clinic/retention", json={}).json().values()) == {None}
    add_event(shared_database, clinic, patient, endpoint=closed_endpoint(clinic))
    add_message(shared_database, clinic, patient)
    before = counts(shared_database, clinic, patient)
    apply(service, clinic)
    assert counts(shared_database, clinic, patient) == before


def hold_patient(_service: Service, _database: DatabaseUrls, clinic: ClinicClient, patient: str) -> None:
    held = clinic.http.post("/v1/legal-holds", json={"patient_id": patient, "reason": "Claim 17"})
    assert held.status_code == 201, held.text


def hold_clinic(_service: Service, _database: DatabaseUrls, clinic: ClinicClient, _patient: str) -> None:
    assert clinic.http.post("/v1/legal-holds", json={"reason": "Claim 17"}).status_code == 201


def say_something_urgent(
    service: Service, _database: DatabaseUrls, clinic: ClinicClient, patient: str
) -> None:
    reply = clinic.enrol(patient, service.url).check_in(NOW, self_harm_thoughts=True)
    assert reply.status_code == 201, reply.text


def raise_signal(_service: Service, database: DatabaseUrls, clinic: ClinicClient, patient: str) -> None:
    execute(
        database,
        "INSERT INTO care.signals (clinic_id, id, patient_id, state, level, criterion, criteria, raised_at,"
        " raised_on, decision, latest, explanation, version, turn, known) VALUES (%(clinic)s, %(id)s, %(patient)s,"
        " 'acknowledged', 'consider_booster', 'gain_lost', '{gain_lost}', now(), current_date, '{}', '{}', '', 1, 0,"
        " '{}')",
        clinic=clinic.clinic_id,
        id=new_id(),
        patient=patient,
    )


def ask_for_erasure(_service: Service, _database: DatabaseUrls, clinic: ClinicClient, patient: str) -> None:
    assert clinic.http.post(f"/v1/patients/{patient}/erasure-requests").status_code == 201


WHAT_KEEPS: dict[str, Callable[[Service, DatabaseUrls, ClinicClient, str], None]] = {
    "a hold on the patient": hold_patient,
    "a hold on the clinic": hold_clinic,
    "a safety event that is open": say_something_urgent,
    "a signal that is not closed": raise_signal,
    "a finding that is not closed": ask_for_erasure,
}


@pytest.mark.parametrize("what", WHAT_KEEPS)
def test_nothing_goes_of_a_patient_of_whom_something_is_open_or_held(
    service: Service, shared_database: DatabaseUrls, clinic: ClinicClient, what: str
) -> None:
    patient, endpoint = clinic.patient(), closed_endpoint(clinic)
    WHAT_KEEPS[what](service, shared_database, clinic, patient)
    add_event(shared_database, clinic, patient, endpoint=endpoint)
    add_message(shared_database, clinic, patient)
    before = counts(shared_database, clinic, patient)
    execute(
        shared_database,
        "UPDATE care.patients SET archived_at = now() - interval '5 years', archived_reason = 'care_ended'"
        " WHERE clinic_id = %(clinic)s AND id = %(patient)s",
        clinic=clinic.clinic_id,
        patient=patient,
    )
    apply(service, clinic)
    assert counts(shared_database, clinic, patient) == before
    assert clinic.http.get(f"/v1/patients/{patient}").status_code == 200


@pytest.mark.parametrize("state", ["pending", "held", "exhausted"])
def test_what_did_not_get_out_stays(
    service: Service, shared_database: DatabaseUrls, clinic: ClinicClient, state: str
) -> None:
    patient, endpoint = clinic.patient(), closed_endpoint(clinic)
    clinic.http.post(f"/v1/webhook-endpoints/{endpoint}/disable")
    add_event(shared_database, clinic, patient, endpoint=endpoint, state=state)
    add_message(shared_database, clinic, patient, state="pending")
    before = counts(shared_database, clinic, patient)
    apply(service, clinic)
    left = counts(shared_database, clinic, patient)
    assert {name: left[name] for name in ("notifications", "outgoing_messages")} == {
        name: before[name] for name in ("notifications", "outgoing_messages")
    }


def test_what_can_still_be_read_in_the_stream_stays_until_the_stream_lets_go_of_it(
    service: Service, shared_database: DatabaseUrls, clinic: ClinicClient
) -> None:
    patient = clinic.patient()
    add_event(shared_database, clinic, patient, endpoint=closed_endpoint(clinic))
    execute(
        shared_database,
        "INSERT INTO care.event_places (clinic_id, notification_id) SELECT clinic_id, id FROM care.notifications"
        " WHERE clinic_id = %(clinic)s AND patient_id = %(patient)s ON CONFLICT DO NOTHING",
        clinic=clinic.clinic_id,
        patient=patient,
    )
    before = counts(shared_database, clinic, patient)
    apply(service, clinic)
    assert counts(shared_database, clinic, patient) == before

    async def let_go() -> None:
        async with service.context.work(UUID(clinic.clinic_id)) as work:
            await keep_stream(work)

    service.run(let_go())
    apply(service, clinic)
    assert counts(shared_database, clinic, patient)["notifications"] == before["notifications"] - 1


def test_an_archived_patient_is_erased_after_the_clinics_months_with_duplicates(
    service: Service, shared_database: DatabaseUrls, clinic: ClinicClient
) -> None:
    stays, long_ago, double, lately = (clinic.patient() for _ in range(4))
    merging = {"into": long_ago, "reason": "Registered twice"}
    assert clinic.http.post(f"/v1/patients/{double}/merge", json=merging).is_success
    close_findings(shared_database, clinic)
    for patient, months in ((long_ago, 25), (lately, 23)):
        execute(
            shared_database,
            "UPDATE care.patients SET archived_at = %(now)s - make_interval(months => %(months)s),"
            " archived_reason = 'care_ended' WHERE clinic_id = %(clinic)s AND id = %(patient)s",
            now=NOW,
            clinic=clinic.clinic_id,
            patient=patient,
            months=months,
        )
    apply(service, clinic)
    found = {
        one: clinic.http.get(f"/v1/patients/{one}").status_code for one in (stays, lately, long_ago, double)
    }
    assert found == {stays: 200, lately: 200, long_ago: 410, double: 410}
    seal_audit_log(service, clinic.clinic_id)
    context = service.context
    assert service.run(verify(context.database, context.vault, UUID(clinic.clinic_id))).faults == []


def test_after_a_clinic_was_closed_its_months_count_from_that_day_for_all_of_its_patients(
    service: Service, shared_database: DatabaseUrls, clinic: ClinicClient
) -> None:
    patient, clinic_id, context = clinic.patient(), UUID(clinic.clinic_id), service.context
    close_findings(shared_database, clinic)
    add_message(shared_database, clinic, patient)
    worker = Worker(context)

    async def close() -> None:
        async with context.work(clinic_id, actor=OPERATOR) as work:
            await close_clinic(work)

    async def look() -> None:
        async with context.work(None) as work:
            others = [one for one in await clinics.clinics_with_rules(work) if one != clinic_id]
        worker._looked_through = dict.fromkeys(others, service.clock.now())
        assert await worker._to_look_through() == [clinic_id]
        await worker._look_through(clinic_id)

    closed = "UPDATE front_desk.clinics SET closed_at = %(now)s - make_interval(months => %(old)s) WHERE id = %(id)s"
    left = "SELECT count(*) AS number FROM care.patients WHERE clinic_id = %(clinic)s"
    service.run(close())
    for months, patients in ((23, 1), (25, 0)):
        execute(shared_database, closed, now=NOW, old=months, id=clinic_id)
        service.run(look())
        assert ask(shared_database.superuser_url, left, clinic=clinic_id) == [{"number": patients}]
        assert counts(shared_database, clinic, patient)["outgoing_messages"] == 0
    # The next look seals what the last one wrote.
    service.run(look())
    found = service.run(verify(context.database, context.vault, clinic_id))
    assert (found.faults, found.unsealed) == ([], 0)


def test_a_patient_who_is_taken_up_again_meanwhile_is_not_erased(
    service: Service, shared_database: DatabaseUrls, clinic: ClinicClient
) -> None:
    patient = clinic.patient()
    close_findings(shared_database, clinic)
    archived = {"clinic": clinic.clinic_id, "patient": patient}
    execute(
        shared_database,
        "UPDATE care.patients SET archived_at = now() - interval '5 years', archived_reason = 'care_ended'"
        " WHERE clinic_id = %(clinic)s AND id = %(patient)s",
        **archived,
    )
    waiting = (
        "SELECT count(*) AS number FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with ThreadPoolExecutor(1) as pool, psycopg.connect(shared_database.superuser_url) as busy:
        busy.execute(
            "SELECT FROM care.patient_states WHERE clinic_id = %(clinic)s AND patient_id = %(patient)s FOR UPDATE",
            archived,
        )
        applied = pool.submit(apply, service, clinic)
        assert wait_until(lambda: ask(shared_database.superuser_url, waiting)[0]["number"] > 0, 20)
        busy.execute(
            "UPDATE care.patients SET archived_at = NULL, archived_reason = NULL"
            " WHERE clinic_id = %(clinic)s AND id = %(patient)s",
            archived,
        )
        busy.commit()
        applied.result(timeout=30)
    assert clinic.http.get(f"/v1/patients/{patient}").status_code == 200


def test_what_a_replay_and_a_reference_rest_on_is_never_removed_by_age(
    service: Service, shared_database: DatabaseUrls, clinic: ClinicClient
) -> None:
    patient = treated(clinic, NOW - timedelta(days=1500), days_since=24, level=lambda _day: (8, 8, 8))
    days = {
        name: (NOW - timedelta(days=1500 + ago)).date().isoformat()
        for name, ago in (("from", 22), ("to", 14))
    }
    chosen = clinic.http.put(f"/v1/patients/{patient}/reference", json={**days, "reason": "a reason"})
    assert chosen.is_success, chosen.text
    close_findings(shared_database, clinic)

    def record() -> dict[str, Any]:
        return {
            table: ask(
                shared_database.superuser_url,
                f"SELECT count(*) AS number FROM care.{table}"  # noqa: S608 - the test's own names
                " WHERE clinic_id = %(clinic)s AND patient_id = %(patient)s",
                clinic=clinic.clinic_id,
                patient=patient,
            )
            for table in ("check_ins", "infusions", "courses", "chosen_references")
        }

    before, evaluation = record(), clinic.evaluation(patient)
    apply(service, clinic)
    assert record() == before
    assert clinic.evaluation(patient) == evaluation


def test_nobody_under_a_hold_is_erased_not_even_who_asks(
    shared_database: DatabaseUrls, clinic: ClinicClient
) -> None:
    patient = clinic.patient()
    asked = clinic.http.post(f"/v1/patients/{patient}/erasure-requests").json()
    approve = f"/v1/erasure-requests/{asked['id']}/approve"
    held = clinic.http.post("/v1/legal-holds", json={"patient_id": patient, "reason": "Claim 17"}).json()

    assert_problem(clinic.http.post(approve, headers={"if-match": '"1"'}), 409, code="legal-hold")
    with psycopg.connect(shared_database.superuser_url) as connection:
        connection.execute(f"SET ROLE {APPLICATION_ROLE}")
        connection.execute("SELECT set_config('app.clinic_id', %s, true)", [clinic.clinic_id])
        connection.execute(
            "UPDATE care.erasure_requests SET state = 'approved' WHERE clinic_id = %s AND patient_id = %s",
            [clinic.clinic_id, patient],
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="legal hold"):
            connection.execute("SELECT care.erase_patient(%s)", [patient])

    lifted = clinic.http.post(f"/v1/legal-holds/{held['id']}/lift")
    assert lifted.json()["lifted_at"] is not None
    assert clinic.http.post(f"/v1/legal-holds/{held['id']}/lift").status_code == 404
    assert clinic.http.post(approve, headers={"if-match": '"1"'}).status_code == 200
    assert clinic.http.get("/v1/legal-holds").json()["items"] == []


def test_a_hold_says_who_why_and_since_when_and_stands_in_the_audit_log(clinic: ClinicClient) -> None:
    patient = clinic.patient()
    placed = clinic.http.post("/v1/legal-holds", json={"patient_id": patient, "reason": "Claim 17"}).json()
    (listed,) = clinic.http.get("/v1/legal-holds").json()["items"]
    assert listed == placed
    assert (listed["reason"], listed["patient_id"], listed["lifted_at"]) == ("Claim 17", patient, None)
    assert listed["placed_at"] is not None
    assert listed["placed_by"] is not None
    clinic.http.post(f"/v1/legal-holds/{placed['id']}/lift")
    lines = clinic.http.get("/v1/audit-events", params={"patient_id": patient}).json()["items"]
    assert [one["action"] for one in lines if one["subject_kind"] == "legal_hold"] == [
        "legal_hold.lifted",
        "legal_hold.placed",
    ]


@pytest.mark.parametrize(
    ("rules", "pointer"),
    [
        ({"deliveries_months": 3}, "#/deliveries_months"),
        ({"messages_months": 601}, "#/messages_months"),
        ({"archived_patients_months": 11}, "#/archived_patients_months"),
    ],
)
def test_months_out_of_bounds_are_refused(clinic: ClinicClient, rules: dict[str, int], pointer: str) -> None:
    assert_problem(clinic.http.put("/v1/clinic/retention", json=rules), 422, pointer=pointer)
    assert clinic.http.get("/v1/clinic/retention").json() == ALL_KINDS


def test_a_hold_on_a_patient_who_is_not_the_clinics_is_not_placed(clinic: ClinicClient) -> None:
    unknown = {"patient_id": str(new_id()), "reason": "Claim 17"}
    assert clinic.http.post("/v1/legal-holds", json=unknown).status_code == 404


def test_an_operator_sets_what_is_kept_and_holds_from_the_command_line(
    shared_database: DatabaseUrls, clinic: ClinicClient
) -> None:
    where = {
        "DATABASE_URL": shared_database.application_url,
        "AFTERGLOW_ENCRYPTION_KEY": b64encode(KEY).decode(),
    }

    def said(command: str, *words: str) -> dict[str, Any]:
        done = afterglow_here(
            "retention", command, "--clinic", clinic.clinic_id, *words, "--json", more=where
        )
        assert (done.returncode, done.stderr) == (0, "")
        return dict(json.loads(done.stdout))

    rules = {"deliveries_months": 12, "messages_months": None, "archived_patients_months": 120}
    assert said("set", "--deliveries", "12", "--archived-patients", "120") == rules
    held = said("hold", "--reason", "Claim 17")
    shown = said("show")
    assert {name: shown[name] for name in rules} == rules
    assert [one["id"] for one in shown["legal_holds"]] == [held["id"]]
    assert "Claim 17" not in str(shown)
    assert said("lift", "--hold", held["id"])["lifted_at"] is not None
    again = afterglow_here(
        "retention", "lift", "--clinic", clinic.clinic_id, "--hold", held["id"], more=where
    )
    assert (again.returncode, "has no hold with this id" in again.stderr) == (1, True)
    wrong = afterglow_here("retention", "set", "--clinic", clinic.clinic_id, "--messages", "3", more=where)
    assert (wrong.returncode, "4 to 600 months" in wrong.stderr) == (1, True)
    lines = ask(
        shared_database.superuser_url,
        "SELECT DISTINCT actor_kind FROM care.audit_events"
        " WHERE clinic_id = %(clinic)s AND subject_kind = 'legal_hold'",
        clinic=clinic.clinic_id,
    )
    assert lines == [{"actor_kind": "operator"}]
