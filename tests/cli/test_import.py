"""A clinic's existing patients are taken on from files in one sitting, as if they had been entered live."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest

from app.imports.clinic_files import ClinicFiles, Counted, read_files
from app.imports.taking_on import Importing
from tests.cli.command_line import afterglow_here, new_clinic
from tests.support.budget import budget
from tests.support.databases import in_memory, open_folder
from tests.support.people import CONFIRMED, ClinicClient, clinic_client, item
from tests.support.service import NOW, Service

MOST_DAYS = 70
DAYS_AT_ONCE = 14
START = NOW - timedelta(days=MOST_DAYS)


@dataclass
class Existing:
    """One patient of the old clinic."""

    name: str
    taken_on: str = ""
    started_on: str = ""
    about: int = 0
    reference: tuple[str, str] = ("", "")
    infusions: list[tuple[datetime, str]] = field(default_factory=list)
    reports: list[tuple[datetime, tuple[int, int, int]]] = field(default_factory=list)
    totals: list[tuple[datetime, int]] = field(default_factory=list)


def existing(count: int) -> Iterator[Existing]:
    """Half were induced here and half are taken on in maintenance; some lost the benefit, some answer rarely."""
    random = Random(11)  # noqa: S311 - made-up patients
    for number in range(count):
        joins = number % 2 == 1
        lost_on = random.choice([None, 40, 50, 60])
        one = Existing(name=f"P-{number:02}")
        for day in range(MOST_DAYS):
            if random.random() < 0.25:
                continue
            ill = (not joins and day < 12) or (lost_on is not None and day >= lost_on)
            mood = (3 if ill else 8) + random.choice([-1, 0, 0, 1])
            one.reports.append((START + timedelta(days=day), (mood, mood, mood)))
        one.totals = [(START + timedelta(days=day, hours=3), 4 + 4 * (day > 55)) for day in (20, 48, 64)]
        if joins:
            one.taken_on, one.about = str((START + timedelta(days=10)).date()), random.choice([0, 12])
            one.infusions = [(START + timedelta(days=day), "booster") for day in (2, 30)]
            if number % 4 == 1:
                first, last = START + timedelta(days=12), START + timedelta(days=27)
                one.reference = (str(first.date()), str(last.date()))
        else:
            one.started_on = str((START + timedelta(days=9)).date())
            one.infusions = [(START + timedelta(days=9 + 2 * n), "induction") for n in range(6)]
            if lost_on == 40:
                one.infusions.append((START + timedelta(days=46), "booster"))
        yield one


def written(folder: Path, patients: list[Existing]) -> ClinicFiles:
    """The three files, and the totals."""
    rows: dict[str, list[dict[str, Any]]] = {"patients": [], "infusions": [], "check-ins": [], "totals": []}
    for one in patients:
        first, last = one.reference
        rows["patients"].append(
            {
                "patient": one.name,
                "time_zone": "Europe/Berlin",
                "started_on": one.started_on,
                "planned_infusions": "" if one.taken_on else 6,
                "taken_on": one.taken_on,
                "about_infusions": one.about or "",
                "reference_from": first,
                "reference_to": last,
            }
        )
        rows["infusions"] += [
            {"patient": one.name, "given_at": at.isoformat(), "phase": phase} for at, phase in one.infusions
        ]
        rows["check-ins"] += [
            {
                "patient": one.name,
                "recorded_at": at.isoformat(),
                "mood": a,
                "energy": b,
                "sleep_quality": c,
                "sleep_hours": "",
            }
            for at, (a, b, c) in one.reports
        ]
        rows["totals"] += [
            {"patient": one.name, "taken_at": at.isoformat(), "scale": "phq-9", "total": total}
            for at, total in one.totals
        ]
    for name, of_file in rows.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(of_file[0]))
            writer.writeheader()
            writer.writerows(of_file)
    return ClinicFiles(
        patients=folder / "patients.csv",
        infusions=folder / "infusions.csv",
        check_ins=folder / "check-ins.csv",
        assessments=folder / "totals.csv",
    )


def lived(service: Service, clinic: ClinicClient, one: Existing) -> str:
    """Enter the same, a fortnight at a time, as it happened."""
    service.clock.move_to(START)
    patient = clinic.patient(one.name)
    body: dict[str, Any] = {"protocol": "standard", "planned_infusions": 6, "started_on": one.started_on}
    entered = False
    for part in range(MOST_DAYS // DAYS_AT_ONCE + 1):
        begins = START + timedelta(days=DAYS_AT_ONCE * part)
        ends = begins + timedelta(days=DAYS_AT_ONCE)
        service.clock.move_to(min(ends, NOW))
        if not entered and str(ends.date()) > (one.taken_on or one.started_on):
            known = [
                {"given_at": at.isoformat()} for at, _ in one.infusions if str(at.date()) <= one.taken_on
            ]
            if one.taken_on:
                earlier = {"count": one.about} if one.about else None
                joining = {"on": one.taken_on, "infusions": known, "earlier": earlier}
                body = {"protocol": "standard", "taken_on": joining}
            assert clinic.http.post(f"/v1/patients/{patient}/courses", json=body).status_code == 201
            entered = True
        for at, phase in one.infusions:
            if begins <= at < ends and not (one.taken_on and str(at.date()) <= one.taken_on):
                given = {"given_at": at.isoformat(), "phase": phase} | CONFIRMED
                assert clinic.http.post(f"/v1/patients/{patient}/infusions", json=given).status_code == 201
        items = [item(at, values) for at, values in one.reports if begins <= at < ends]
        if items:
            reply = clinic.http.post(f"/v1/patients/{patient}/check-ins/batch", json={"items": items})
            assert {result["status"] for result in reply.json()["results"]} == {201}
        for at, total in one.totals:
            if begins <= at < ends:
                form = {"scale": "phq-9", "taken_at": at.isoformat(), "total": total}
                assert clinic.http.post(f"/v1/patients/{patient}/assessments", json=form).status_code == 201
    service.clock.move_to(NOW)
    if one.reference[0]:
        days = {"from": one.reference[0], "to": one.reference[1], "reason": "Well"}
        assert clinic.http.put(f"/v1/patients/{patient}/reference", json=days).status_code == 200
    return patient


def believed(clinic: ClinicClient) -> dict[str, Any]:
    """Each patient's evaluation, by chart number."""
    found = {}
    for one in clinic.http.get("/v1/patients", params={"limit": 200}).json()["items"]:
        evaluation = clinic.evaluation(one["id"])
        # Its words also say when the open signal was raised: live when the loss came, from files today.
        found[one["external_ref"]] = {
            name: value for name, value in evaluation.items() if not name.startswith("explanation")
        }
    return found


@pytest.mark.journey
def test_patients_taken_on_from_files_are_evaluated_as_those_entered_live(
    service: Service, tmp_path: Path
) -> None:
    patients = list(existing(budget(16, long=40)))
    live = clinic_client(service, "Entered live")
    for one in patients:
        lived(service, live, one)
    imported = clinic_client(service, "From files")
    read, done = Counted(), Counted()
    newcomers = read_files(written(tmp_path, patients), read)
    importing = Importing(context=service.context, clinic_id=UUID(imported.clinic_id))
    service.run(importing.import_all(newcomers, done), within=300)
    assert done.refused == read.refused == []
    assert done.patients == len(patients)
    by_hand, from_files = believed(live), believed(imported)
    assert by_hand.keys() == from_files.keys() == {one.name for one in patients}
    for name, evaluation in by_hand.items():
        assert from_files[name] == evaluation, name
    levels = {one["level"] for one in from_files.values()}
    assert levels >= {"steady", "consider_booster"}
    missing = {one["reference"].get("because") for one in from_files.values()}
    assert "taken_on_awaiting_reference" in missing, "their totals speak at once all the same"


@pytest.mark.processes
def test_the_command_checks_first_takes_on_and_goes_on_where_it_stopped() -> None:
    with open_folder(in_memory()) as folder:
        data_dir = folder / "data"
        clinic = new_clinic(data_dir)["clinic_id"]
        written(folder, list(existing(2)))
        with (folder / "patients.csv").open("a") as file:
            file.write("P-9,Nowhere/Nowhere,,,,,,\n")

        def run(*options: str) -> tuple[int, dict[str, Any]]:
            done = afterglow_here(
                "import", "--clinic", clinic, "--patients", str(folder / "patients.csv"),
                "--infusions", str(folder / "infusions.csv"), "--check-ins", str(folder / "check-ins.csv"),
                *options, "--json", "--data-dir", str(data_dir),
            )  # fmt: skip
            assert "Traceback" not in done.stderr
            return done.returncode, json.loads(done.stdout)

        dry, first, again = run("--dry-run"), run(), run()
    assert dry[0] == first[0] == again[0] == 1, "one row is refused"
    assert dry[1]["patients"] == first[1]["patients"] == again[1]["patients"] == 2
    assert dry[1]["check_ins"] == first[1]["check_ins"] == again[1]["check_ins"]
    unknown = "The time zone is not known; an IANA name is expected, such as Europe/Berlin."
    assert first[1]["refused"] == [f"patients, line 4: time_zone: {unknown}"]
