"""Whatever a person needs of the clinic's API has a page: the two lists are compared, call by call."""

from typing import Final

from fastapi.routing import iter_route_contexts

from tests.support.the_api import document, the_api

# Calls that only programs need, each with its reason.
FOR_PROGRAMS: Final = {
    "GET /v1/deliveries/{delivery_id}": "the endpoint's page lists its deliveries with every attempt",
    "GET /v1/test-clock": "an integrator's tests move the clock; nobody at a clinic lives in such a time",
    "POST /v1/test-clock/advance": "the same",
    "GET /v1/events": "the clinic's systems follow the stream; people have Today",
    "GET /v1/snapshot": "the same, for a system that begins",
    "GET /v1/findings/{finding_id}/history": "the patient's page shows it",
    "GET /v1/insights.csv": "the reports' page links its own table",
    "GET /v1/patients/{patient_id}/chart.svg": "the patient's page draws it",
    "GET /v1/signals/{signal_id}/history": "the signal's page shows it",
    "GET /v1/staff/{staff_id}": "the team's page shows all members",
    "GET /v1/undelivered": "Today says it, and each endpoint's page",
    "DELETE /v1/staff-sessions/current": "signing out is on the account page",
    "POST /v1/patients/{patient_id}/check-ins/batch": "past check-ins come from another system or a file",
    "GET /v1/patients/{patient_id}/export": "a copy for the patient is made by their own page, or by the API",
    "GET /v1/patients/{patient_id}/reminders": "the patient chooses; the patient's page says what reaches them",
    "POST /v1/patients/{patient_id}/erasure-requests": "the patient asks; the clinic answers on a page",
}
# Which page does the same, by the beginning of the call's path. A new call needs a line here or above.
PAGES: Final = {
    "/v1/api-keys": "/care/settings/keys",
    "/v1/appointments": "/care/",
    "/v1/audit-events": "/care/audit-log",
    "/v1/clinic": "/care/settings/clinic",
    "/v1/clinic/browser-origins": "/care/settings/connections",
    "/v1/clinic/days-without-reminders": "/care/settings/days-off",
    "/v1/clinic/drills": "/care/settings/go-live/drill",
    "/v1/clinic/go-live": "/care/settings/go-live",
    "/v1/clinic/policy": "/care/what-if",
    "/v1/clinic/retention": "/care/settings/retention",
    "/v1/deliveries": "/care/settings/webhooks/{endpoint_id}/deliveries/{delivery_id}/resend",
    "/v1/emergency-accesses": "/care/staff",
    "/v1/erasure-requests": "/care/settings/erasure",
    "/v1/findings": "/care/worklist/{item_id}/read",
    "/v1/insights": "/care/reports",
    "/v1/legal-holds": "/care/settings/retention/holds",
    "/v1/notice-channels": "/care/settings/channels",
    "/v1/patients": "/care/patients",
    "/v1/protocol-templates": "/care/settings/protocols",
    "/v1/safety-events": "/care/safety-events/{event_id}",
    "/v1/scales": "/care/settings/scales",
    "/v1/signals": "/care/signals/{signal_id}",
    "/v1/staff": "/care/staff",
    "/v1/transfers": "/care/transfers/receive",
    "/v1/webhook-endpoints": "/care/settings/webhooks",
    "/v1/worklist": "/care/",
}


def clinic_calls() -> set[str]:
    """Name every call that a key or a member of the staff may make."""
    found = set()
    for path, operations in document()["paths"].items():
        for method, operation in operations.items():
            schemes = {name for one in operation.get("security", []) for name in one}
            if schemes & {"ClinicKey", "StaffSession"}:
                found.add(f"{method.upper()} {path}")
    return found


def page_of(call: str) -> str | None:
    path = call.partition(" ")[2]
    beginnings = [one for one in PAGES if path == one or path.startswith(f"{one}/")]
    return PAGES[max(beginnings, key=len)] if beginnings else None


def test_every_call_that_a_person_needs_has_a_page() -> None:
    pages = {context.path for context in iter_route_contexts(the_api().routes)}
    missing = {call for call in clinic_calls() - set(FOR_PROGRAMS) if page_of(call) not in pages}
    assert missing == set()


def test_every_exception_is_a_call_that_exists() -> None:
    assert set(FOR_PROGRAMS) - clinic_calls() == set()
