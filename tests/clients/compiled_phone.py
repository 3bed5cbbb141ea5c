"""A phone's program in Kotlin or Swift, from enrollment to the signal.

The hosted workflow `sdks.yml` runs this file by name once the program is compiled: here is no compiler for either.
"""

import os
import subprocess

from afterglow_sdk import Clinic

from tests.clients.test_sdks import api, live_to_a_signal, opened
from tests.support.people import ClinicClient
from tests.support.service import Service

__all__ = ["api", "opened"]


def test_a_compiled_phone_enrolls_checks_in_without_a_network_syncs_and_has_a_signal(
    service: Service, opened: ClinicClient, api: Clinic
) -> None:
    patient = opened.patient()
    code = api.request("POST", f"/v1/patients/{patient}/enrolment-codes")["code"]
    # As `java -cp … WalkKt`: the words of one command.
    command = [*os.environ["AFTERGLOW_TEST_PHONE"].split(), service.url, code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as phone:
        asked, said = phone.stdin, phone.stdout
        assert asked is not None
        assert said is not None

        def reported(now: str, days: int, value: int) -> list[str]:
            print(now, days, value, file=asked, flush=True)
            ids = said.readline().split()
            assert len(ids) == days
            return ids

        made, signals = live_to_a_signal(api, patient, reported)
        known, _ = phone.communicate(timeout=60)
    assert phone.returncode == 0
    assert known.split() == made
    assert [one["level"] for one in signals] == ["consider_booster"]
