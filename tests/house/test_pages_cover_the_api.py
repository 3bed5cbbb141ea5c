"""Whatever a person needs of the clinic's API has a page: each call is compared with the route of its page."""

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
    "GET /v1/patients/{patient_id}/chart.svg": "the patient's page draws it",
    "GET /v1/staff/{staff_id}": "the team's page shows all members",
    "GET /v1/undelivered": "Today says it, and each endpoint's page",
    "DELETE /v1/staff-sessions/current": "signing out is on the account page",
    "POST /v1/patients/{patient_id}/check-ins/batch": "past check-ins come from another system or a file",
    "GET /v1/patients/{patient_id}/export": "a copy for the patient is made by their own page, or by the API",
    "GET /v1/patients/{patient_id}/reminders": "the patient chooses; the patient's page says what reaches them",
    "POST /v1/patients/{patient_id}/erasure-requests": "the patient asks; the clinic answers on a page",
}
# The route of the page that does the same for people. A new call needs a line here or above.
PAGES: Final = {
    "GET /v1/api-keys": "GET /care/settings/keys",
    "POST /v1/api-keys": "POST /care/settings/keys",
    "DELETE /v1/api-keys/{key_id}": "POST /care/settings/keys/{key_id}/revoke",
    "GET /v1/appointments": "GET /care/",
    "GET /v1/audit-events": "GET /care/audit-log",
    "GET /v1/clinic": "GET /care/settings/clinic",
    "PATCH /v1/clinic": "POST /care/settings/clinic",
    "GET /v1/clinic/browser-origins": "GET /care/settings/connections",
    "PUT /v1/clinic/browser-origins": "POST /care/settings/connections/browser-apps",
    "GET /v1/clinic/contact-tests": "GET /care/settings/clinic",
    "POST /v1/clinic/contact-tests": "POST /care/settings/clinic/contact-test",
    "GET /v1/clinic/days-without-reminders": "GET /care/settings/days-off",
    "PUT /v1/clinic/days-without-reminders": "POST /care/settings/days-off",
    "POST /v1/clinic/drills": "POST /care/settings/go-live/drill",
    "POST /v1/clinic/go-live": "POST /care/settings/go-live",
    "GET /v1/clinic/policy": "GET /care/what-if",
    "PUT /v1/clinic/policy": "POST /care/what-if/{what_if_id}/activate",
    "GET /v1/clinic/retention": "GET /care/settings/retention",
    "PUT /v1/clinic/retention": "POST /care/settings/retention",
    "POST /v1/deliveries/{delivery_id}/resend": (
        "POST /care/settings/webhooks/{endpoint_id}/deliveries/{delivery_id}/resend"
    ),
    "GET /v1/emergency-accesses": "GET /care/staff",
    "GET /v1/erasure-requests": "GET /care/settings/erasure",
    "POST /v1/erasure-requests/{request_id}/approve": "POST /care/settings/erasure/{request_id}/approve",
    "POST /v1/erasure-requests/{request_id}/decline": "POST /care/settings/erasure/{request_id}/decline",
    "GET /v1/findings": "GET /care/",
    "GET /v1/findings/{finding_id}": "GET /care/patients/{patient_id}",
    "POST /v1/findings/{finding_id}/acknowledge": "POST /care/worklist/{item_id}/acknowledge",
    "POST /v1/findings/{finding_id}/close": "POST /care/worklist/{item_id}/read",
    "GET /v1/insights": "GET /care/reports",
    "GET /v1/insights.csv": "GET /care/reports.csv",
    "GET /v1/legal-holds": "GET /care/settings/retention",
    "POST /v1/legal-holds": "POST /care/settings/retention/holds",
    "POST /v1/legal-holds/{hold_id}/lift": "POST /care/settings/retention/holds/{hold_id}/lift",
    "GET /v1/notice-channels": "GET /care/settings/channels",
    "POST /v1/notice-channels": "POST /care/settings/channels",
    "DELETE /v1/notice-channels/{channel_id}": "POST /care/settings/channels/{channel_id}/remove",
    "POST /v1/notice-channels/{channel_id}/test": "POST /care/settings/channels/{channel_id}/test",
    "GET /v1/patients": "GET /care/patients",
    "POST /v1/patients": "POST /care/patients/new",
    "GET /v1/patients/{patient_id}": "GET /care/patients/{patient_id}",
    "PATCH /v1/patients/{patient_id}": "POST /care/patients/{patient_id}/details",
    "GET /v1/patients/{patient_id}/appointments": "GET /care/patients/{patient_id}/appointments",
    "POST /v1/patients/{patient_id}/appointments": "POST /care/patients/{patient_id}/appointments/new",
    "PATCH /v1/patients/{patient_id}/appointments/{appointment_id}": (
        "POST /care/patients/{patient_id}/appointments/{appointment_id}"
    ),
    "POST /v1/patients/{patient_id}/appointments/{appointment_id}/cancel": (
        "POST /care/patients/{patient_id}/appointments/{appointment_id}/cancel"
    ),
    "POST /v1/patients/{patient_id}/appointments/{appointment_id}/give": (
        "POST /care/patients/{patient_id}/appointments/{appointment_id}/give"
    ),
    "POST /v1/patients/{patient_id}/archive": "POST /care/patients/{patient_id}/archive",
    "GET /v1/patients/{patient_id}/assessments": "GET /care/patients/{patient_id}",
    "POST /v1/patients/{patient_id}/assessments": "POST /care/patients/{patient_id}/assessment/{scale_key}",
    "PATCH /v1/patients/{patient_id}/assessments/{assessment_id}": (
        "POST /care/patients/{patient_id}/record/{kind}/{record_id}"
    ),
    "POST /v1/patients/{patient_id}/assessments/{assessment_id}/restore": (
        "POST /care/patients/{patient_id}/record/{kind}/{record_id}/{step}"
    ),
    "POST /v1/patients/{patient_id}/assessments/{assessment_id}/void": (
        "POST /care/patients/{patient_id}/record/{kind}/{record_id}/{step}"
    ),
    "GET /v1/patients/{patient_id}/booked-booster": "GET /care/patients/{patient_id}/booster",
    "PUT /v1/patients/{patient_id}/booked-booster": "POST /care/patients/{patient_id}/booster",
    "DELETE /v1/patients/{patient_id}/booked-booster": "POST /care/patients/{patient_id}/booster",
    "GET /v1/patients/{patient_id}/care-team": "GET /care/patients/{patient_id}/care-team",
    "PUT /v1/patients/{patient_id}/care-team": "POST /care/patients/{patient_id}/care-team",
    "GET /v1/patients/{patient_id}/changes": "GET /care/patients/{patient_id}",
    "GET /v1/patients/{patient_id}/check-ins": "GET /care/patients/{patient_id}",
    "PATCH /v1/patients/{patient_id}/check-ins/{check_in_id}": (
        "POST /care/patients/{patient_id}/record/{kind}/{record_id}"
    ),
    "POST /v1/patients/{patient_id}/check-ins/{check_in_id}/restore": (
        "POST /care/patients/{patient_id}/record/{kind}/{record_id}/{step}"
    ),
    "POST /v1/patients/{patient_id}/check-ins/{check_in_id}/void": (
        "POST /care/patients/{patient_id}/record/{kind}/{record_id}/{step}"
    ),
    "GET /v1/patients/{patient_id}/circumstances": "GET /care/patients/{patient_id}",
    "POST /v1/patients/{patient_id}/circumstances": "POST /care/patients/{patient_id}/circumstances/new",
    "PATCH /v1/patients/{patient_id}/circumstances/{circumstance_id}": (
        "POST /care/patients/{patient_id}/record/{kind}/{record_id}"
    ),
    "POST /v1/patients/{patient_id}/circumstances/{circumstance_id}/restore": (
        "POST /care/patients/{patient_id}/record/{kind}/{record_id}/{step}"
    ),
    "POST /v1/patients/{patient_id}/circumstances/{circumstance_id}/void": (
        "POST /care/patients/{patient_id}/record/{kind}/{record_id}/{step}"
    ),
    "GET /v1/patients/{patient_id}/consent": "GET /care/patients/{patient_id}",
    "POST /v1/patients/{patient_id}/consent/withdraw": "POST /care/patients/{patient_id}/consent",
    "GET /v1/patients/{patient_id}/contact": "GET /care/patients/{patient_id}/contact",
    "PUT /v1/patients/{patient_id}/contact": "POST /care/patients/{patient_id}/contact",
    "GET /v1/patients/{patient_id}/corrections": "GET /care/patients/{patient_id}/record",
    "GET /v1/patients/{patient_id}/courses": "GET /care/patients/{patient_id}/record",
    "POST /v1/patients/{patient_id}/courses": "POST /care/patients/{patient_id}/course/new",
    "GET /v1/patients/{patient_id}/courses/current": "GET /care/patients/{patient_id}/course",
    "PATCH /v1/patients/{patient_id}/courses/current": "POST /care/patients/{patient_id}/course",
    "PATCH /v1/patients/{patient_id}/courses/{course_id}": (
        "POST /care/patients/{patient_id}/record/{kind}/{record_id}"
    ),
    "POST /v1/patients/{patient_id}/courses/{course_id}/restore": (
        "POST /care/patients/{patient_id}/record/{kind}/{record_id}/{step}"
    ),
    "POST /v1/patients/{patient_id}/courses/{course_id}/void": (
        "POST /care/patients/{patient_id}/record/{kind}/{record_id}/{step}"
    ),
    "GET /v1/patients/{patient_id}/devices": "GET /care/patients/{patient_id}",
    "DELETE /v1/patients/{patient_id}/devices/{device_id}": "POST /care/patients/{patient_id}/devices/{device_id}",
    "POST /v1/patients/{patient_id}/emergency-access": "POST /care/patients/{patient_id}/emergency",
    "POST /v1/patients/{patient_id}/enrolment-codes": "POST /care/patients/{patient_id}/code",
    "GET /v1/patients/{patient_id}/evaluation": "GET /care/patients/{patient_id}",
    "GET /v1/patients/{patient_id}/factors": "GET /care/patients/{patient_id}/factors",
    "PUT /v1/patients/{patient_id}/factors": "POST /care/patients/{patient_id}/factors",
    "GET /v1/patients/{patient_id}/infusions": "GET /care/patients/{patient_id}",
    "POST /v1/patients/{patient_id}/infusions": "POST /care/patients/{patient_id}/infusion",
    "PATCH /v1/patients/{patient_id}/infusions/{infusion_id}": (
        "POST /care/patients/{patient_id}/record/{kind}/{record_id}"
    ),
    "POST /v1/patients/{patient_id}/infusions/{infusion_id}/restore": (
        "POST /care/patients/{patient_id}/record/{kind}/{record_id}/{step}"
    ),
    "GET /v1/patients/{patient_id}/infusions/{infusion_id}/session": (
        "GET /care/patients/{patient_id}/infusions/{infusion_id}/session"
    ),
    "POST /v1/patients/{patient_id}/infusions/{infusion_id}/void": (
        "POST /care/patients/{patient_id}/record/{kind}/{record_id}/{step}"
    ),
    "GET /v1/patients/{patient_id}/interval": "GET /care/patients/{patient_id}",
    "POST /v1/patients/{patient_id}/merge": "POST /care/patients/{patient_id}/merge/{into_id}",
    "PUT /v1/patients/{patient_id}/reference": "POST /care/patients/{patient_id}/reference",
    "POST /v1/patients/{patient_id}/reference/accept": "POST /care/patients/{patient_id}/reference",
    "GET /v1/patients/{patient_id}/references": "GET /care/patients/{patient_id}/record",
    "PATCH /v1/patients/{patient_id}/references/{choice_id}": (
        "POST /care/patients/{patient_id}/record/{kind}/{record_id}"
    ),
    "POST /v1/patients/{patient_id}/references/{choice_id}/restore": (
        "POST /care/patients/{patient_id}/record/{kind}/{record_id}/{step}"
    ),
    "POST /v1/patients/{patient_id}/references/{choice_id}/void": (
        "POST /care/patients/{patient_id}/record/{kind}/{record_id}/{step}"
    ),
    "POST /v1/patients/{patient_id}/sign-in-links": "POST /care/patients/{patient_id}/sign-in-link",
    "GET /v1/patients/{patient_id}/sleep-nights": "GET /care/patients/{patient_id}",
    "GET /v1/patients/{patient_id}/taper-plan": "GET /care/patients/{patient_id}/taper",
    "PUT /v1/patients/{patient_id}/taper-plan": "POST /care/patients/{patient_id}/taper",
    "GET /v1/patients/{patient_id}/text-messages": "GET /care/patients/{patient_id}",
    "GET /v1/patients/{patient_id}/transfers": "GET /care/patients/{patient_id}/transfer",
    "POST /v1/patients/{patient_id}/transfers": "POST /care/patients/{patient_id}/transfer/new",
    "POST /v1/patients/{patient_id}/transfers/{transfer_id}/cancel": (
        "POST /care/patients/{patient_id}/transfer/{transfer_id}/cancel"
    ),
    "POST /v1/patients/{patient_id}/transfers/{transfer_id}/confirm": (
        "POST /care/patients/{patient_id}/transfer/{transfer_id}/confirm"
    ),
    "GET /v1/patients/{patient_id}/transfers/{transfer_id}/file": (
        "GET /care/patients/{patient_id}/transfer/{transfer_id}/file"
    ),
    "POST /v1/patients/{patient_id}/unarchive": "POST /care/patients/{patient_id}/unarchive",
    "POST /v1/patients/{patient_id}/unmerge": "POST /care/patients/{patient_id}/unmerge/{other_id}",
    "GET /v1/protocol-templates": "GET /care/settings/protocols",
    "POST /v1/protocol-templates": "POST /care/settings/protocols",
    "PATCH /v1/protocol-templates/{template_id}": "POST /care/settings/protocols/{template_id}",
    "GET /v1/safety-events": "GET /care/",
    "GET /v1/safety-events/{event_id}": "GET /care/safety-events/{event_id}",
    "POST /v1/safety-events/{event_id}/acknowledge": "POST /care/safety-events/{event_id}/acknowledge",
    "POST /v1/safety-events/{event_id}/close": "POST /care/safety-events/{event_id}/close",
    "GET /v1/safety-events/{event_id}/history": "GET /care/safety-events/{event_id}",
    "POST /v1/safety-events/{event_id}/unacknowledge": "POST /care/safety-events/{event_id}/unacknowledge",
    "GET /v1/scales": "GET /care/settings/scales",
    "POST /v1/scales": "POST /care/settings/scales",
    "GET /v1/signals": "GET /care/",
    "GET /v1/signals/{signal_id}": "GET /care/signals/{signal_id}",
    "POST /v1/signals/{signal_id}/acknowledge": "POST /care/signals/{signal_id}/acknowledge",
    "POST /v1/signals/{signal_id}/close": "POST /care/signals/{signal_id}/close",
    "POST /v1/signals/{signal_id}/end-snooze": "POST /care/signals/{signal_id}/end-snooze",
    "GET /v1/signals/{signal_id}/history": "GET /care/signals/{signal_id}",
    "POST /v1/signals/{signal_id}/reopen": "POST /care/signals/{signal_id}/reopen",
    "POST /v1/signals/{signal_id}/snooze": "POST /care/signals/{signal_id}/snooze",
    "POST /v1/signals/{signal_id}/unacknowledge": "POST /care/signals/{signal_id}/unacknowledge",
    "GET /v1/staff": "GET /care/staff",
    "POST /v1/staff": "POST /care/staff",
    "PATCH /v1/staff/{staff_id}": "POST /care/staff/{staff_id}/role",
    "PUT /v1/staff/{staff_id}/away": "POST /care/staff/{staff_id}/away",
    "DELETE /v1/staff/{staff_id}/away": "POST /care/staff/{staff_id}/away",
    "POST /v1/staff/{staff_id}/disable": "POST /care/staff/{staff_id}/{what}",
    "POST /v1/staff/{staff_id}/enable": "POST /care/staff/{staff_id}/{what}",
    "POST /v1/staff/{staff_id}/invite-again": "POST /care/staff/{staff_id}/{what}",
    "POST /v1/staff/{staff_id}/reset-second-factor": "POST /care/staff/{staff_id}/{what}",
    "POST /v1/transfers/receive": "POST /care/transfers/receive",
    "GET /v1/webhook-endpoints": "GET /care/settings/webhooks",
    "POST /v1/webhook-endpoints": "POST /care/settings/webhooks",
    "GET /v1/webhook-endpoints/{endpoint_id}": "GET /care/settings/webhooks/{endpoint_id}",
    "PATCH /v1/webhook-endpoints/{endpoint_id}": "POST /care/settings/webhooks/{endpoint_id}/change",
    "DELETE /v1/webhook-endpoints/{endpoint_id}": "POST /care/settings/webhooks/{endpoint_id}/{what}",
    "GET /v1/webhook-endpoints/{endpoint_id}/deliveries": "GET /care/settings/webhooks/{endpoint_id}",
    "POST /v1/webhook-endpoints/{endpoint_id}/disable": "POST /care/settings/webhooks/{endpoint_id}/{what}",
    "POST /v1/webhook-endpoints/{endpoint_id}/enable": "POST /care/settings/webhooks/{endpoint_id}/{what}",
    "POST /v1/webhook-endpoints/{endpoint_id}/recover": "POST /care/settings/webhooks/{endpoint_id}/recover",
    "POST /v1/webhook-endpoints/{endpoint_id}/rotate-secret": "POST /care/settings/webhooks/{endpoint_id}/rotate",
    "POST /v1/webhook-endpoints/{endpoint_id}/test": "POST /care/settings/webhooks/{endpoint_id}/{what}",
    "GET /v1/worklist": "GET /care/",
    "POST /v1/worklist/{item_id}/answer": "POST /care/worklist/{item_id}/answer",
    "POST /v1/worklist/{item_id}/assign": "POST /care/worklist/{item_id}/take",
    "POST /v1/worklist/{item_id}/outreach": "POST /care/worklist/{item_id}/outreach",
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


def routes_of_pages() -> set[str]:
    """Name every page that staff look at, and every form of theirs."""
    return {
        f"{method} {context.path}"
        for context in iter_route_contexts(the_api().routes)
        if context.path and context.path.startswith("/care")
        for method in context.methods or ()
    }


def test_every_call_that_a_person_needs_has_a_page() -> None:
    assert clinic_calls() - set(FOR_PROGRAMS) - set(PAGES) == set()


def test_every_named_page_is_a_route_and_none_stands_for_whatever_else_is_typed() -> None:
    assert set(PAGES.values()) - routes_of_pages() == set()
    assert not [page for page in PAGES.values() if page.endswith("{path:path}")]


def test_a_form_sends_what_changes_and_a_look_changes_nothing() -> None:
    looks = {call for call, page in PAGES.items() if page.startswith("GET ")}
    assert looks == {call for call in PAGES if call.startswith("GET ")}


def test_every_exception_and_every_line_is_a_call_that_exists_and_stands_once() -> None:
    assert (set(FOR_PROGRAMS) | set(PAGES)) - clinic_calls() == set()
    assert set(FOR_PROGRAMS) & set(PAGES) == set()
