"""The TypeScript client that is made from the document, as the page says: it type-checks, and it works."""

import json

import pytest

from tests.clients.makers import ROOT, Workshop, assert_round_trip, enrolment_code, new_workshop
from tests.docs.pages import block
from tests.support.people import ClinicClient
from tests.support.service import NOW, Service

pytestmark = pytest.mark.processes

AT = "tests/clients/typescript"


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    made = new_workshop(tmp_path_factory.mktemp("typescript-client"))
    made.run(block("typescript-client"))
    return made


def test_the_lock_pins_what_is_installed_and_names_no_host() -> None:
    lock = json.loads((ROOT / AT / "package-lock.json").read_text())
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert all(one["version"] and one["integrity"].startswith("sha512-") for one in packages.values())
    assert not any("resolved" in one for one in packages.values())


def test_a_phone_enrols_checks_in_without_a_network_and_syncs(
    workshop: Workshop, service: Service, clinic: ClinicClient
) -> None:
    patient, code = enrolment_code(clinic)
    said = workshop.run(f"node round_trip.ts {service.url} {code} {NOW.isoformat()}", at=AT)
    assert_round_trip(json.loads(said), patient, clinic, service)
