"""What version 1 stored is read today: a decision of rule 1.0 on the page, over the API and replayed, and its policy.

The decision is what version 1's own code answered for this patient (commit 9f7895ef), in the words of its time.
"""

import importlib.util
import json
import re
from html import unescape
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from app.care.monitoring.decision_replay import replay
from app.clinical.protocol import RULE_1
from app.clinical.protocol_versions import numbers_of, renamed
from tests.support.care_browser import CareBrowser
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, treated
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service

TAG = re.compile(r"<[^>]+>")
STORED = json.loads(Path(__file__).with_name("decided_by_version_1.json").read_text(encoding="utf-8"))
MIGRATION = next(Path("migrations/versions").glob("0020_*.py"))


def words(text: str) -> str:
    """What a page says, without its markup."""
    return " ".join(unescape(TAG.sub(" ", text)).split())


def in_the_fields_words(answer: dict[str, Any]) -> dict[str, Any]:
    """As migration 0020 rewrote what version 1 had stored."""
    spec = importlib.util.spec_from_file_location("words_of_the_field", MIGRATION)
    assert spec is not None
    assert spec.loader is not None
    migration = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(migration)
    text = json.dumps(answer, ensure_ascii=False)
    for old, new in migration._words(named=True, back=False):
        text = text.replace(old, new)
    return dict(json.loads(text))


@pytest.fixture
def decided(clinic: ClinicClient, shared_database: DatabaseUrls) -> dict[str, str]:
    """A signal whose decision, latest answer and explanation are those that version 1 stored."""
    patient = treated(
        clinic, NOW, days_since=40, level=lambda day: (8, 8, 8) if day < 31 else (4, 4, 5), reference="P-1"
    )
    (signal,) = clinic.signals(patient)
    answer = Jsonb(in_the_fields_words(STORED["decision"]))
    with psycopg.connect(shared_database.superuser_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE care.signals SET decision = %s, latest = %s, explanation = %s, criteria = '{gain_lost}',"
            " criterion = 'gain_lost' WHERE id = %s",
            [answer, answer, STORED["explanation"], signal["id"]],
        )
    return {"id": signal["id"], "patient": patient}


def test_a_decision_of_version_1_is_the_same_when_it_is_replayed_today(
    service: Service, clinic: ClinicClient, decided: dict[str, str]
) -> None:
    again = service.run(
        replay(service.context.database, UUID(decided["id"]), clinic_id=UUID(clinic.clinic_id))
    )
    assert (again.rule, again.version) == ("gain-lost", "1.0")
    assert again.differences == ()


def test_the_api_gives_a_decision_of_version_1_as_it_was_made(
    clinic: ClinicClient, decided: dict[str, str]
) -> None:
    reply = clinic.http.get(f"/v1/signals/{decided['id']}")
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert body["explanation"] == STORED["explanation"]
    assert "Rule gain-lost 1.0" in body["explanation"]
    assert (body["decision"]["rule"], body["decision"]["version"]) == ("gain-lost", "1.0")
    assert body["decision"]["smoothed"] == STORED["decision"]["smoothed"]
    # What holds now is said by the rule that decides now.
    assert clinic.evaluation(decided["patient"])["version"] == "2.0"


def test_the_pages_show_a_decision_of_version_1(
    service: Service, clinic: ClinicClient, decided: dict[str, str]
) -> None:
    browser = CareBrowser(service, clinic.clinic_id)
    try:
        shown = browser.get(f"/care/signals/{decided['id']}")
        assert shown.status_code == 200
        said = words(shown.text)
        assert "by rule gain-lost 1.0" in said
        assert "threshold 0.55" in said
        listed = browser.get("/care/")
        assert listed.status_code == 200
        assert "P-1" in words(listed.text)
        page = browser.get(f"/care/patients/{decided['patient']}")
        assert page.status_code == 200
        assert "rule gain-lost 2.0" in words(page.text)
    finally:
        browser.http.close()


def test_numbers_that_a_clinic_set_for_rule_1_decide_under_their_present_names(
    clinic: ClinicClient, shared_database: DatabaseUrls
) -> None:
    stored = {
        "consider_at": 0.6,
        "daily_after_infusion_days": 30,
        "review_told_days": 21,
        "benefit_weight": 2,
    }
    with psycopg.connect(shared_database.superuser_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO care.clinic_policies (clinic_id, version, numbers, rule, effective_from, created_at)"
            " VALUES (%s, 1, %s, 'gain-lost 1.0', %s, %s)",
            [clinic.clinic_id, Jsonb(stored), NOW, NOW],
        )
    reply = clinic.http.get("/v1/clinic/policy")
    assert reply.status_code == 200, reply.text
    policy = reply.json()
    numbers = {one["name"]: one["value"] for one in policy["numbers"]}
    assert policy["rule"].startswith("gain-lost 2.0, ")
    assert (numbers["consider_at"], numbers["review_announced_days"]) == (0.6, 21)
    assert (numbers["daily_after_induction_days"], numbers["daily_after_booster_days"]) == (30, 30)
    assert numbers["response_duration_weight"] == 2
    assert policy["versions"][0]["rule"] == "gain-lost 1.0"


@pytest.mark.parametrize("name", ["channel_least_gain", "daily_after_infusion_days", "review_told_days"])
def test_a_number_by_its_name_in_version_1_is_refused_by_name(clinic: ClinicClient, name: str) -> None:
    reply = clinic.http.put("/v1/clinic/policy", json={"numbers": {name: 3}}, headers={"if-match": '"0"'})
    assert_problem(reply, 422, pointer=f"#/numbers/{name}")


def test_every_number_of_version_1_is_known_today_under_some_name() -> None:
    assert renamed(STORED["numbers"]).keys() <= {one.name for one in numbers_of(RULE_1)}
