"""The CapabilityStatement, made from the same catalogue as the routes: it says only what is true."""

from datetime import datetime
from importlib.metadata import version
from typing import Final

from app.interop.fhir.catalogue import RESOURCE_TYPES
from app.interop.fhir.codes import Json, coding, concept
from app.interop.fhir.resource_type import ResourceType
from app.notifications.webhooks.fhir_format import BACKPORT, TOPIC

_SECURITY: Final = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_FHIR: Final = "4.0.1"
_STATUS: Final = (
    "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-status"
)
_EXPORT: Final = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export"


def capability_statement(*, base_url: str, now: datetime) -> Json:
    """Make it for this server."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": now.isoformat(timespec="seconds"),
        "kind": "instance",
        "software": {"name": "Afterglow", "version": version("afterglow")},
        "implementation": {"description": "Afterglow", "url": base_url},
        "fhirVersion": _FHIR,
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "documentation": "What a search parameter does not know is refused, and no totals are given.",
                "security": {
                    "description": "A bearer token: a program's by SMART Backend Services, an API key with the scope "
                    "of the resource, or a member's session.",
                    "service": [concept("SMART Backend Services", coding(_SECURITY, "SMART-on-FHIR"))],
                },
                "resource": [_resource(one) for one in RESOURCE_TYPES],
                "operation": [{"name": "export", "definition": _EXPORT}],
            }
        ],
    }


def _resource(kind: ResourceType) -> Json:
    names = [("_id", "token")]
    if kind.of_patient is not None:
        names.append(("_lastUpdated", "date"))
        if kind.name != "Patient":
            names.append(("patient", "reference"))
    names += [(name, "date") for name in kind.dates] + [(name, "token") for name in kind.tokens]
    made: Json = {
        "type": kind.name,
        "documentation": kind.documentation,
        "interaction": [
            {"code": one} for one in ("read", "search-type", *(["create"] if kind.writable else []))
        ],
        "versioning": "no-version",
        "searchParam": [{"name": name, "type": of_type} for name, of_type in names],
    }
    if kind.writable:
        made["conditionalCreate"] = True
    if kind.patient is not None:
        made["searchInclude"] = [f"{kind.name}:patient"]
    if kind.name == "Patient":
        definition = "http://hl7.org/fhir/OperationDefinition/Patient-everything"
        made["operation"] = [{"name": "everything", "definition": definition}]
    if kind.name == "Subscription":
        made["operation"] = [{"name": "status", "definition": _STATUS}]
        topic = {
            "url": f"{BACKPORT}/capabilitystatement-subscriptiontopic-canonical",
            "valueCanonical": TOPIC,
        }
        made["extension"] = [topic]
    return made
