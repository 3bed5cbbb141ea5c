"""What tests of the FHIR interface share: resources held against models, the R4 schema and its invariants."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
from fhir.resources.R4B import get_fhir_model_class

from tests.support.fhir_r4 import broken_rules

Json = dict[str, Any]
_FOLDER: Final = os.environ.get("AFTERGLOW_FHIR_FOLDER")


def checked(reply: httpx2.Response, status: int = 200) -> Json:
    """Give the resource of a reply, which is a valid one with FHIR's media type."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/fhir+json; charset=utf-8"
    resource = dict(reply.json())
    valid(resource)
    return resource


def valid(resource: Json) -> None:
    """Hold a resource, and each one in a Bundle, against its model, the R4 schema and FHIR's own invariants."""
    get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    broken = broken_rules(resource)
    assert not broken, broken
    # For HL7's own validator, in the hosted workflow: each resource that a test saw.
    if _FOLDER:
        text = json.dumps(resource, indent=1)
        name = f"{resource['resourceType']}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
        (Path(_FOLDER) / name).write_text(text, "utf-8")


def resources_in(bundle: Json, mode: str = "match") -> list[Json]:
    """Give a Bundle's resources."""
    return [one["resource"] for one in bundle.get("entry", []) if one["search"]["mode"] == mode]


def every_page(http: httpx2.Client, path: str, **params: str) -> list[Json]:
    """Follow a search to its end; gives all that it found."""
    found: list[Json] = []
    bundle = checked(http.get(f"/fhir/{path}", params=params))
    while True:
        found += resources_in(bundle)
        following = [one["url"] for one in bundle["link"] if one["relation"] == "next"]
        if not following:
            return found
        bundle = checked(http.get(following[0].partition("/fhir/")[2].join(("/fhir/", ""))))


def exported(http: httpx2.Client, headers: dict[str, str], **params: str) -> dict[str, list[Json]]:
    """What a bulk client does: ask, poll, fetch; gives the lines of each file by its type."""
    asking = headers | {"prefer": "respond-async", "accept": "application/fhir+json"}
    asked = http.get("/fhir/$export", params=params, headers=asking)
    assert asked.status_code == 202, asked.text
    status = path_of(asked.headers["content-location"])
    polled = http.get(status, headers=headers | {"accept": "application/json"})
    assert polled.status_code == 200
    files, lines = {}, {"accept": "application/fhir+ndjson"}
    for one in polled.json()["output"]:
        with http.stream("GET", path_of(one["url"]), headers=headers | lines) as file:
            assert file.headers["content-type"] == "application/fhir+ndjson"
            files[one["type"]] = [json.loads(line) for line in file.iter_lines()]
    return files


def path_of(url: str) -> str:
    """Give an address as it is asked for at the service, wherever its public one is."""
    return urlsplit(url)._replace(scheme="", netloc="").geturl()


def issue_of(reply: httpx2.Response, status: int) -> tuple[str, str]:
    """Give the code and the place of the one thing that an OperationOutcome says."""
    outcome = checked(reply, status)
    assert outcome["resourceType"] == "OperationOutcome"
    (issue,) = outcome["issue"]
    return issue["code"], next(iter(issue.get("location") or issue.get("expression") or [""]))
