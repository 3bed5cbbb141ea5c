"""Inferno's Bulk Data Access suite on a real service: a program with its own key takes a clinic along.

The hosted workflow `fhir.yml` runs this file by name, beside the test kit and its validator: neither is here. Of the
suite only what this server offers has to pass: not TLS (a proxy's), not SMART App Launch for other apps, not exports
of one patient or group, and not ending an export, which leaves no copy to end.
"""

import json
import os
import re
import subprocess
from uuid import UUID

from joserfc.jwk import ECKey

from app.cli.runtime import in_clinic
from app.context import Work
from app.interop.smart.backend_services import client_id_of, register
from tests.support.processes import running_dev, temporary_data_dir

PASS = {
    "smart_backend_services_invalid_grant_type",
    "smart_backend_services_invalid_client_assertion",
    "smart_backend_services_invalid_jwt",
    "smart_backend_services_auth_request_success",
    "smart_backend_services_auth_response_body",
    "bulk_data_system_export_operation_support",
    "bulk_data_system_no_auth_reject",
    "bulk_data_system_kick_off",
    "bulk_data_system_status_check",
    "bulk_data_system_output_check",
    "bulk_data_system_ndjson_download",
    "bulk_data_system_valid_resources",
    "bulk_data_system_multiple_patients",
}
EXECUTE = ["bundle", "exec", "inferno", "execute", "--suite", "bulk_data_v200", "--outputter", "json"]
SCOPES = "system/*.read fhir:export"


def test_inferno_signs_in_by_its_key_and_takes_the_clinic_along() -> None:
    key = ECKey.generate_key("P-384", {"use": "sig", "alg": "ES384", "kid": "inferno"})
    own = {"keys": [key.as_dict(private=True) | {"key_ops": ["sign"]}]}

    async def registered(work: Work) -> str:
        keys = json.dumps({"keys": [key.as_dict(private=False)]})
        client = await register(work, name="Inferno", scopes=SCOPES, keys=keys)
        return client_id_of(work.clinic_id, client.id)

    with temporary_data_dir() as data_dir, running_dev(data_dir) as dev:
        clinic = dev.clinic("Inferno")
        clinic.close()
        dev.command("seed", "--clinic", clinic.clinic_id, "--patients", "3")
        credentials = {
            "auth_type": "backend_services",
            "use_discovery": "true",
            "encryption_algorithm": "ES384",
            "kid": "inferno",
            "jwks": json.dumps(own),
            "requested_scopes": SCOPES,
            "client_id": in_clinic(data_dir, UUID(clinic.clinic_id), registered),
        }
        inputs = [
            f"bulk_server_url:{dev.url}/fhir",
            f"smart_auth_info:{json.dumps(credentials)}",
            "bulk_timeout:180",
        ]
        done = subprocess.run(
            [
                "bundle",
                "exec",
                "inferno",
                "execute",
                "--suite",
                "bulk_data_v200",
                "--outputter",
                "json",
                "--inputs",
                *inputs,
            ],
            cwd=os.environ["AFTERGLOW_TEST_INFERNO"],
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )
    # Behind what its libraries say.
    written = re.search(r"^\[.*", done.stdout, re.MULTILINE | re.DOTALL)
    assert written, done.stdout + done.stderr
    results = json.loads(written[0])
    found = {one["test_id"].rpartition("-")[2]: one for one in results if one.get("test_id")}
    assert {name: found[name].get("result_message") for name in PASS if found[name]["result"] != "pass"} == {}
