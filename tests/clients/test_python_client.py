"""The Python client that is made from the document, as the page says: it type-checks, and it works."""

import json

import pytest

from tests.clients.makers import Workshop, assert_round_trip, enrolment_code, new_workshop
from tests.docs.pages import block
from tests.support.people import ClinicClient
from tests.support.service import NOW, Service

pytestmark = pytest.mark.processes

AT = "tests/clients/python"


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    made = new_workshop(tmp_path_factory.mktemp("python-client"))
    # Any warning of the generator fails it: what it warns of, it leaves out.
    assert "Success" in made.run(block("python-client"))
    return made


def test_every_operation_is_in_the_client_and_every_module_compiles(workshop: Workshop) -> None:
    document = json.loads((workshop.folder / "openapi" / "openapi.json").read_text())
    operations = {one["operationId"] for methods in document["paths"].values() for one in methods.values()}
    made = workshop.folder / AT / "afterglow_client"

    assert operations <= {path.stem for path in (made / "api").rglob("*.py")}
    for path in made.rglob("*.py"):
        compile(path.read_text(), path.name, "exec")


def test_what_a_batch_is_made_of_has_a_name(workshop: Workshop) -> None:
    models = workshop.folder / AT / "afterglow_client" / "models"
    named = {path.stem for path in models.glob("*.py")}
    assert {"check_in_item", "imported_check_in_item", "taper_step_entry", "problem"} <= named
    # A schema without a name is called after the place where it stands.
    assert [
        name for name in named if name.startswith(("check_in_batch_", "batch_result_", "taper_plan_entry_"))
    ] == []


def test_a_phone_enrols_checks_in_without_a_network_and_syncs(
    workshop: Workshop, service: Service, clinic: ClinicClient
) -> None:
    patient, code = enrolment_code(clinic)
    said = workshop.run(f"uv run --quiet round_trip.py {service.url} {code} {NOW.isoformat()}", at=AT)
    assert_round_trip(json.loads(said), patient, clinic, service)
