"""Examples of what the API's fields hold: made from their schemas, and from their names for free texts."""

from collections.abc import Mapping
from typing import Any, Final

_ID: Final = "019aca60-0000-7000-8000-000000000001"
_MOMENT: Final = "2026-11-24T15:04:05Z"
# By the name of the field, for texts that have no other form than their meaning.
_BY_NAME: Final = {
    "accept": "I agree",
    "access_token": "agp_0b8e…",
    "action": "signal.closed",
    "ask_at": "18:00",
    "at": "10:30",
    "before": "P-0417",
    "by_kind": "staff",
    "channel": "mail",
    "code": "gain_lost",
    "consent_form": "written",
    "country": "US",
    "crisis_phone": "+1 555 010 9999",
    "criterion": "A",
    "cursor": "NDI",
    "device_name": "Ana's phone",
    "disposition": "booster_booked",
    "domain": "mood",
    "ehr_link_template": "https://ehr.example/chart/{external_ref}",
    "email": "ana@clinic.example",
    "emergency_contact_telephone": "+1 555 010 2222",
    "etag": '"3"',
    "explanation": "Mood and energy have lost 58% of what was gained.",
    "external_id": "enc-20261124-7",
    "external_ref": "P-0417",
    "instructions": "Over the last 2 weeks, how often have you been bothered by the following problems?",
    "key": "phq-9",
    "lane": "decide",
    "level": "watch",
    "link": "/care/patients/" + _ID,
    "locale": "en-US",
    "loinc": "44249-1",
    "mode": "live",
    "name": "Ana Torres",
    "number": "988",
    "outcome": "reached",
    "phone": "+1 555 010 1234",
    "previous_level": "steady",
    "protocol": "standard",
    "quiet_from": "21:00",
    "quiet_until": "08:00",
    "reason": "Entered twice",
    "request_id": _ID,
    "route": "intravenous",
    "rule": "2.0",
    "scale": "phq-9",
    "sms_number": "+15550101234",
    "source": "ehr",
    "state": "open",
    "status": "active",
    "telephone": "+1 555 010 1234",
    "time_zone": "America/New_York",
    "time_zone_canonical": "America/New_York",
    "title": "Invalid request",
    "to": "Harbor Clinic",
    "token_type": "Bearer",
    "type": "signal.raised",
    "unit": "days",
    "url": "https://hooks.example.org/afterglow",
}
_BY_FORMAT: Final = {
    "uuid": _ID,
    "date-time": _MOMENT,
    "date": "2026-11-24",
    "time": "18:00:00",
    "uri": "https://hooks.example.org/afterglow",
    "email": "ana@clinic.example",
}
_TEXT: Final = "text"


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any], *, name: str = "") -> Any:  # noqa: ANN401 - a JSON document
    """Make one value that this schema allows.

    Args:
        schema: a schema of the document, or a reference to one.
        schemas: the document's named schemas.
        name: the field that it is the schema of; a text is chosen by it.
    """
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas, name=name)
    if schema.get("examples"):
        return schema["examples"][0]
    for given in ("const", "default"):
        if schema.get(given):
            return schema[given]
    if "enum" in schema:
        return schema["enum"][0]
    choices = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if choices:
        return example_of(choices[0], schemas, name=name)
    return _of_type(schema, schemas, name)


def _of_type(schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - a JSON document
    kind = schema.get("type")
    if kind == "object":
        return _object_of(schema, schemas, name)
    if kind == "array":
        return [example_of(schema["items"], schemas, name=name)] * max(1, schema.get("minItems", 1))
    if kind in {"integer", "number"}:
        return _number_of(schema)
    if kind in {"boolean", "null"}:
        return False if kind == "boolean" else None
    return _BY_FORMAT.get(schema.get("format", "")) or _BY_NAME.get(name, _TEXT)


def _object_of(schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str) -> dict[str, Any]:
    fields, others = schema.get("properties", {}), schema.get("additionalProperties")
    if not fields and isinstance(others, dict):
        key = example_of(schema.get("propertyNames", {"const": "mood"}), schemas)
        return {key: example_of(others, schemas, name=name)}
    return {field: example_of(one, schemas, name=field) for field, one in fields.items()}


def _number_of(schema: Mapping[str, Any]) -> int | float:
    lowest = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    highest = schema.get("maximum", schema.get("exclusiveMaximum", lowest + 10))
    middle = (lowest + highest) / 2
    return int(middle) if schema["type"] == "integer" else round(middle, 2)
