"""The decision in a signal's reply is what was stored, and the OpenAPI document describes it to the last field."""

from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import jsonschema_rs
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.rows import dict_row

from app.clinical.evaluation import evaluate_history
from app.clinical.history import History, ScaleTotals
from app.clinical.scales import PHQ_9, AssessmentTotal
from app.storage.clinical_json import answer_to_json
from tests.clinical.test_properties import START, patients
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, treated
from tests.support.service import NOW
from tests.support.the_api import document

TOTALS = ScaleTotals(
    scale=PHQ_9,
    totals=tuple(
        AssessmentTotal(START + timedelta(days=day), total)
        for day, total in ((10, 18), (27, 4), (40, 16), (52, 17))
    ),
)


@cache
def description() -> jsonschema_rs.Validator:
    """The document's schema of a decision; a field that it does not name is an error."""
    schemas = _closed(document()["components"]["schemas"])
    return jsonschema_rs.validator_for(
        {"$ref": "#/components/schemas/Decision", "components": {"schemas": schemas}}
    )


def _closed(schema: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: _closed(one) for name, one in schema.items()}
    return {"additionalProperties": False, **inner} if schema.get("type") == "object" else inner


@given(patient=patients(), day=st.integers(0, 74), with_totals=st.booleans())
def test_every_decision_is_as_the_document_describes_it(
    patient: History, day: int, with_totals: bool
) -> None:
    history = replace(patient, assessments=(TOTALS,) if with_totals else ())
    description().validate(answer_to_json(evaluate_history(history, as_of=START + timedelta(days=day))))


@pytest.mark.parametrize("place_of_it", [(), ("reference",), ("criteria", 0), ("criteria", 0, "reasons", 0)])
def test_a_field_that_the_document_does_not_name_would_be_noticed(
    clinic: ClinicClient, place_of_it: tuple[str | int, ...]
) -> None:
    decision = signal_of(clinic)["decision"]
    assert description().is_valid(decision)
    part: Any = decision
    for step in place_of_it:
        part = part[step]
    part["more"] = 1
    assert not description().is_valid(decision)


def test_a_signals_decision_and_its_latest_evaluation_are_sent_as_they_are_stored(
    clinic: ClinicClient, shared_database: DatabaseUrls
) -> None:
    sent = signal_of(clinic)
    with psycopg.connect(shared_database.superuser_url, row_factory=dict_row) as connection:
        stored = connection.execute(
            "SELECT decision, latest FROM care.signals WHERE id = %s", [sent["id"]]
        ).fetchone()
    assert stored is not None
    for name in ("decision", "latest"):
        # As text: 5 and 5.0 are equal, but not the same in a reply.
        assert repr(sent[name]) == repr(stored[name])
        description().validate(sent[name])


def signal_of(clinic: ClinicClient) -> dict[str, Any]:
    """The signal of a patient who fades."""
    patient = treated(clinic, NOW, days_since=24, level=lambda day: (8, 8, 8) if day < 17 else (3, 3, 3))
    (signal,) = clinic.signals(patient)
    return signal
