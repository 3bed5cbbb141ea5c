"""A stored decision can be made again from stored inputs, whatever happened since."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

import httpx2
import psycopg
import pytest
from sqlalchemy.engine import make_url

from app.care.monitoring.decision_replay import ReplayedDecision, replay
from app.cli.demo_clinic import FADING
from app.clinical.protocol import STANDARD
from app.clinical.protocol_versions import with_numbers
from app.foundation.errors import NotFoundError
from app.foundation.ids import new_id
from app.storage.engine.migrating import APPLICATION_ROLE, migrate
from tests.support.databases import Cluster, DatabaseUrls
from tests.support.people import CONFIRMED, NO_TLS, ClinicClient, PatientClient, clinic_client, treated
from tests.support.service import NOW, Service, running_service

WELL = (8, 8, 8)
BAD = (3, 3, 3)
Story = Callable[[Service, ClinicClient], str]


def replayed(service: Service, clinic: ClinicClient, signal_id: str) -> ReplayedDecision:
    return service.run(replay(service.context.database, UUID(signal_id), clinic_id=UUID(clinic.clinic_id)))


def well_until(clinic: ClinicClient, day: int, *, days_since: int = 24) -> str:
    return treated(clinic, NOW, days_since=days_since, level=lambda _day: WELL, until=day)


def tick(service: Service, **forward: float) -> datetime:
    """Let time pass, as it does between two requests."""
    now = service.clock.now() + timedelta(**(forward or {"seconds": 1}))
    service.clock.move_to(now)
    return now


def days_ago(days: int) -> str:
    return (NOW - timedelta(days=days)).date().isoformat()


def reported_in_order(service: Service, clinic: ClinicClient) -> str:
    patient = well_until(clinic, 24)
    for _ in range(7):
        now = tick(service, days=1)
        assert clinic.enrol(patient, service.url).check_in(now, (3, 4, 4)).status_code == 201
    return patient


def reported_late(service: Service, clinic: ClinicClient) -> str:
    patient = well_until(clinic, 16)
    phone = clinic.enrol(patient, service.url)
    for day in (0, 3, 1, 5, 2, 4):
        tick(service)
        assert phone.check_in(NOW - timedelta(days=day), BAD).status_code == 201
    return patient


def imported(service: Service, clinic: ClinicClient) -> str:
    patient = clinic.patient()
    last = NOW - timedelta(days=24)
    clinic.treat(patient, last_infusion=last)
    tick(service)
    clinic.import_days(patient, last - timedelta(days=20), [(3.25, 2.5, 3.1)] * 9)
    tick(service)
    clinic.import_days(patient, last + timedelta(days=1), [(7.9, 8.3, 7.7)] * 14 + [(3.3, 2.9, 3.7)] * 9)
    return patient


def six_bad_days(service: Service, clinic: ClinicClient) -> tuple[str, PatientClient, list[str]]:
    """A patient who was well and then reported six bad days; gives the phone and the check-ins' ids."""
    patient = well_until(clinic, 18)
    phone = clinic.enrol(patient, service.url)
    ids = [str(new_id()) for _ in range(6)]
    for day, check_in_id in zip((5, 4, 3, 2, 1, 0), ids, strict=True):
        tick(service)
        phone.check_in(NOW - timedelta(days=day), BAD, check_in_id=check_in_id)
    return patient, phone, ids


def corrected_later(service: Service, clinic: ClinicClient) -> str:
    patient, phone, ids = six_bad_days(service, clinic)
    for check_in_id in ids[:3]:
        tick(service, minutes=1)
        reply = phone.check_in(NOW - timedelta(days=2), WELL, supersedes=check_in_id)
        assert reply.status_code == 201
    return patient


def withdrawn_later(service: Service, clinic: ClinicClient) -> str:
    patient, phone, ids = six_bad_days(service, clinic)
    for check_in_id in ids:
        tick(service, minutes=1)
        assert phone.http.delete(f"/v1/check-ins/{check_in_id}").status_code == 204
    return patient


def raised_by_a_correction(service: Service, clinic: ClinicClient) -> str:
    patient = well_until(clinic, 19)
    phone = clinic.enrol(patient, service.url)
    mistaken = str(new_id())
    for day, values in ((4, BAD), (3, BAD), (2, BAD), (1, BAD), (0, WELL)):
        tick(service)
        phone.check_in(NOW - timedelta(days=day), values, check_in_id=mistaken if values == WELL else None)
    assert clinic.signals(patient) == []
    tick(service)
    assert phone.check_in(NOW, BAD, supersedes=mistaken).status_code == 201
    return patient


def raised_by_a_withdrawal(service: Service, clinic: ClinicClient) -> str:
    patient = well_until(clinic, 19)
    phone = clinic.enrol(patient, service.url)
    mistaken = str(new_id())
    phone.check_in(NOW - timedelta(hours=1), (10, 10, 10), check_in_id=mistaken)
    for day in (4, 3, 2, 1, 0):
        tick(service)
        phone.check_in(NOW - timedelta(days=day, hours=2), BAD)
    assert clinic.signals(patient) == []
    tick(service)
    assert phone.http.delete(f"/v1/check-ins/{mistaken}").status_code == 204
    return patient


def infused_afterwards(service: Service, clinic: ClinicClient) -> str:
    patient = reported_late(service, clinic)
    for given_at, phase in (
        (NOW - timedelta(days=10), "booster"),
        (NOW - timedelta(days=40), "induction"),
        (NOW + timedelta(hours=1), "booster"),
    ):
        tick(service, hours=2)
        given = {"given_at": given_at.isoformat(), "phase": phase}
        assert (
            clinic.http.post(f"/v1/patients/{patient}/infusions", json=given | CONFIRMED).status_code == 201
        )
    return patient


def treated_anew_afterwards(service: Service, clinic: ClinicClient) -> str:
    patient = reported_late(service, clinic)
    tick(service, days=20)
    clinic.treat(patient, last_infusion=service.clock.now())
    return patient


def moved_to_another_zone(service: Service, clinic: ClinicClient) -> str:
    patient = reported_late(service, clinic)
    tick(service)
    path = f"/v1/patients/{patient}"
    etag = clinic.http.get(path).headers["etag"]
    reply = clinic.http.patch(path, json={"time_zone": "Pacific/Auckland"}, headers={"if-match": etag})
    assert reply.status_code == 200, reply.text
    return patient


def without_a_baseline(service: Service, clinic: ClinicClient) -> str:
    patient = clinic.patient()
    last = NOW - timedelta(days=24)
    clinic.treat(patient, last_infusion=last)
    tick(service)
    clinic.import_days(patient, last + timedelta(days=1), [WELL] * 14 + [(4, 4, 4)] * 10)
    return patient


def of_the_demo(service: Service, clinic: ClinicClient) -> str:
    patient = clinic.patient()
    clinic.treat(patient, last_infusion=FADING.infusion_times(NOW)[-1])
    for at, scores in FADING.imported(NOW):
        tick(service)
        clinic.import_days(patient, at, [scores])
    phone = clinic.enrol(patient, service.url)
    for at, scores in FADING.sent_by_phone(NOW):
        tick(service)
        assert phone.check_in(at, scores).status_code == 201
    return patient


def all_in_one_moment(service: Service, clinic: ClinicClient) -> str:
    """The clock stands still: no time separates what came before the decision from what came after."""
    patient = well_until(clinic, 16)
    phone = clinic.enrol(patient, service.url)
    for day in (5, 4, 3, 2, 1, 0):
        assert phone.check_in(NOW - timedelta(days=day), BAD).status_code == 201
    return patient


def sent_at_once(service: Service, clinic: ClinicClient) -> str:
    patient = well_until(clinic, 16)
    phones = [clinic.enrol(patient, service.url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        replies = pool.map(
            lambda day: phones[day % 4].check_in(NOW - timedelta(days=day), (3, day, 3)), range(8)
        )
        assert [reply.status_code for reply in replies] == [201] * 8
    return patient


def overtaken(service: Service, clinic: ClinicClient) -> str:
    """A request that began first and took its turn last: it carries an earlier time than the decision."""
    patient = well_until(clinic, 16)
    phone = clinic.enrol(patient, service.url)
    began = tick(service)
    tick(service, seconds=9)
    for day in (5, 4, 3, 2):
        assert phone.check_in(NOW - timedelta(days=day), BAD).status_code == 201
    assert clinic.signals(patient)
    service.clock.move_to(began)
    assert phone.check_in(NOW - timedelta(days=4, hours=1), WELL).status_code == 201
    given = {"given_at": (NOW - timedelta(days=9)).isoformat(), "phase": "booster"}
    assert clinic.http.post(f"/v1/patients/{patient}/infusions", json=given | CONFIRMED).status_code == 201
    return patient


def sent_by_a_clock_that_is_ahead(service: Service, clinic: ClinicClient) -> str:
    patient = well_until(clinic, 19)
    phone = clinic.enrol(patient, service.url)
    for day in (4, 3, 2, 1, 0):
        at = service.clock.now() - timedelta(days=day) + timedelta(minutes=9)
        assert phone.check_in(at, BAD).status_code == 201
    return patient


def course_changed_afterwards(service: Service, clinic: ClinicClient) -> str:
    """Days of the course that lie before the decision and were entered after it."""
    patient = well_until(clinic, 16)
    phone = clinic.enrol(patient, service.url)
    for day in (5, 4, 3, 2, 1, 0):
        assert phone.check_in(NOW - timedelta(days=day), BAD).status_code == 201
    path = f"/v1/patients/{patient}/courses/current"
    for days in (
        {"reviewed_on": (NOW - timedelta(days=20)).date().isoformat()},
        {"induction_ended_on": (NOW - timedelta(days=22)).date().isoformat()},
        {"stopped_on": (NOW - timedelta(days=10)).date().isoformat()},
    ):
        etag = clinic.http.get(path).headers["etag"]
        assert clinic.http.patch(path, json=days, headers={"if-match": etag}).status_code == 200
    return patient


def all_else_entered_afterwards(service: Service, clinic: ClinicClient) -> str:
    """An earlier first infusion, totals of the past, another reference: all of it about days before."""
    patient = all_in_one_moment(service, clinic)
    first = {"given_at": (NOW - timedelta(days=36)).isoformat(), "phase": "induction"}
    assert clinic.http.post(f"/v1/patients/{patient}/infusions", json=first | CONFIRMED).status_code == 201
    for days, total in ((40, 20), (20, 4), (8, 18), (1, 19)):
        form = {"scale": "phq-9", "taken_at": (NOW - timedelta(days=days)).isoformat(), "total": total}
        assert clinic.http.post(f"/v1/patients/{patient}/assessments", json=form).status_code == 201
    window = {"from": days_ago(20), "to": days_ago(10), "reason": "as it was agreed"}
    assert clinic.http.put(f"/v1/patients/{patient}/reference", json=window).status_code == 200
    return patient


def after_a_chosen_reference_and_totals(service: Service, clinic: ClinicClient) -> str:
    patient = well_until(clinic, 16)
    for days, total in ((40, 20), (20, 4)):
        form = {"scale": "phq-9", "taken_at": (NOW - timedelta(days=days)).isoformat(), "total": total}
        assert clinic.http.post(f"/v1/patients/{patient}/assessments", json=form).status_code == 201
    window = {"from": days_ago(20), "to": days_ago(10), "reason": "as it was agreed"}
    assert clinic.http.put(f"/v1/patients/{patient}/reference", json=window).status_code == 200
    phone = clinic.enrol(patient, service.url)
    for day in (5, 4, 3, 2, 1, 0):
        assert phone.check_in(NOW - timedelta(days=day), BAD).status_code == 201
    return patient


def after_a_move_to_another_zone(service: Service, clinic: ClinicClient) -> str:
    patient = well_until(clinic, 16)
    path = f"/v1/patients/{patient}"
    etag = clinic.http.get(path).headers["etag"]
    assert clinic.http.patch(
        path, json={"time_zone": "Pacific/Auckland"}, headers={"if-match": etag}
    ).is_success
    phone = clinic.enrol(patient, service.url)
    for day in (5, 4, 3, 2, 1, 0):
        assert phone.check_in(NOW - timedelta(days=day), BAD).status_code == 201
    assert clinic.evaluation(patient)["time_zone"] == "Pacific/Auckland"
    return patient


STORIES: list[Story] = [
    all_in_one_moment,
    sent_at_once,
    overtaken,
    sent_by_a_clock_that_is_ahead,
    course_changed_afterwards,
    all_else_entered_afterwards,
    after_a_chosen_reference_and_totals,
    after_a_move_to_another_zone,
    reported_in_order,
    reported_late,
    imported,
    corrected_later,
    withdrawn_later,
    raised_by_a_correction,
    raised_by_a_withdrawal,
    infused_afterwards,
    treated_anew_afterwards,
    moved_to_another_zone,
    without_a_baseline,
    of_the_demo,
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_signal_raised_by_any_road_is_the_same_again(
    service: Service, clinic: ClinicClient, story: Story
) -> None:
    signals = clinic.signals(story(service, clinic))
    assert signals
    for signal in signals:
        found = replayed(service, clinic, signal["id"])
        assert found.same, found.differences
        assert (found.rule, found.version) == ("gain-lost", "2.0")


def test_inputs_that_were_changed_behind_our_back_show(
    service: Service, clinic: ClinicClient, shared_database: DatabaseUrls
) -> None:
    patient = reported_late(service, clinic)
    (signal,) = clinic.signals(patient)
    with psycopg.connect(conninfo(shared_database.superuser_url)) as connection:
        connection.execute(
            "UPDATE care.check_ins SET mood = 9 WHERE patient_id = %s AND mood = 3"
            " AND recorded_at = (SELECT max(recorded_at) FROM care.check_ins WHERE patient_id = %s"
            " AND received_at <= %s)",
            (patient, patient, signal["raised_at"]),
        )

    found = replayed(service, clinic, signal["id"])

    assert not found.same
    by_path = {one.path: one for one in found.differences}
    assert (by_path["reports.mood"].stored, by_path["reports.mood"].again) == (3.0, 9.0)
    assert {path for path in by_path if path.startswith("reference")} == set()


def test_other_numbers_active_today_do_not_matter(own_database: DatabaseUrls) -> None:
    strict = with_numbers({"consider_at": 0.4567891234, "smoothing_days": 3})
    with running_service(own_database.application_url, protocol=strict) as before:
        clinic = clinic_client(before)
        patient = reported_late(before, clinic)
        (signal,) = clinic.signals(patient)
        clinic.close()
    with running_service(own_database.application_url, protocol=STANDARD) as after:
        found = after.run(replay(after.context.database, UUID(signal["id"])))
    assert found.version == "2.0, consider_at=0.4567891234, smoothing_days=3"
    assert found.same, found.differences
    assert str(found.clinic_id) == clinic.clinic_id


def test_what_was_decided_before_turns_were_counted_is_the_same_again(cluster: Cluster) -> None:
    """Down to the tables of then and up again, with everything in them."""
    with cluster.database() as own_database:
        with running_service(own_database.application_url) as before:
            clinic = clinic_client(before)
            patients = [
                story(before, clinic) for story in (corrected_later, withdrawn_later, infused_afterwards)
            ]
            signals = [signal for patient in patients for signal in clinic.signals(patient)]
            clinic.close()
        for revision in ("0009", "head"):
            migrate(own_database.owner_url, application_role=APPLICATION_ROLE, to=revision)
        with running_service(own_database.application_url) as after:
            for signal in signals:
                found = after.run(replay(after.context.database, UUID(signal["id"])))
                assert found.same, found.differences
            with clinic_again(after, clinic) as again:
                phone = again.enrol(patients[1], after.url)
                assert phone.check_in(NOW, BAD).status_code == 201
    assert len(signals) >= 3


def test_a_clinic_sees_no_signal_of_another(service: Service, clinic: ClinicClient) -> None:
    (signal,) = clinic.signals(reported_late(service, clinic))
    other = clinic_client(service, "Other")
    with pytest.raises(NotFoundError):
        replayed(service, other, signal["id"])
    other.close()


@contextmanager
def clinic_again(service: Service, clinic: ClinicClient) -> Iterator[ClinicClient]:
    """The same clinic's client on a service that was started again."""
    headers = {"authorization": f"Bearer {clinic.key}"}
    http = httpx2.Client(base_url=service.url, headers=headers, timeout=30, verify=NO_TLS)
    again = ClinicClient(http, clinic.clinic_id, clinic.key)
    yield again
    again.close()


def conninfo(url: str) -> str:
    return make_url(url).render_as_string(hide_password=False)
