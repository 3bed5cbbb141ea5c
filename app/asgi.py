"""The only place where the HTTP side meets: all rooms' routes, one edge, one set of context."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import Final

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from app.access.audit import routes as audit
from app.access.clinics import routes as clinics
from app.access.clinics.browser_origins import clinics_allowing
from app.access.clinics.idempotency_middleware import IdempotentPosts
from app.access.clinics.test_clock import learn_now_and_then
from app.access.staff import routes as staff
from app.care.alerts import escalation
from app.care.alerts import routes as alerts
from app.care.assessments import routes as assessments
from app.care.check_ins import routes as check_ins
from app.care.check_ins.middleware import ShortWay
from app.care.consent import routes as consent
from app.care.insights import routes as insights
from app.care.intake.middleware import Intake
from app.care.intake.spool import Spool, replay_now_and_then
from app.care.merging import routes as merging
from app.care.monitoring import routes as monitoring
from app.care.patients import care_team_routes as care_teams
from app.care.patients import routes as patients
from app.care.reminders import routes as reminders
from app.care.retention import routes as retention
from app.care.sleep_nights import routes as sleep_nights
from app.care.texts import routes as texts
from app.care.treatment import appointment_routes as appointments
from app.care.treatment import circumstance_routes as circumstances
from app.care.treatment import evaluation_routes as evaluations
from app.care.treatment import routes as treatment
from app.care.treatment import template_routes as protocol_templates
from app.care.worklist import routes as worklist
from app.context import AppContext
from app.interop.ehr import routes as ehr
from app.interop.fhir import routes as fhir
from app.interop.fhir.outcome import outcome_response
from app.interop.transfer import routes as transfers
from app.notifications.dispatcher import StandIn
from app.notifications.stream import routes as stream
from app.notifications.webhooks import routes as webhooks
from app.pages.front import front_page
from app.pages.patient import (
    check_in_page,
    history_page,
    nights_page,
    own_page,
    public_page,
    questionnaire_page,
    settings_page,
    sign_in_page,
    tablet_page,
)
from app.pages.patient.page_route import failure_page
from app.pages.staff import account_page as care_account
from app.pages.staff import (
    appointment_page,
    assessment_page,
    audit_log_page,
    booster_page,
    care_team_page,
    circumstance_page,
    contact_page,
    contact_test_page,
    course_page,
    details_page,
    factors_page,
    infusion_page,
    merge_page,
    new_patient_page,
    patient_page,
    patients_page,
    record_page,
    reference_page,
    reports_page,
    safety_page,
    session_page,
    signal_page,
    taking_on_page,
    taper_page,
    team_page,
    transfer_page,
    what_if_page,
    worklist_page,
)
from app.pages.staff import emergency_page as care_emergency
from app.pages.staff import join_page as care_join
from app.pages.staff import page_route as care_public
from app.pages.staff import sign_in_page as care_sign_in
from app.pages.staff import single_sign_on_page as single_sign_on
from app.pages.staff import tablet_page as care_tablet
from app.pages.staff.page_route import failure_page as care_failure_page
from app.pages.staff.settings.index import SETTINGS_ROUTERS
from app.web import health
from app.web.cross_origin import CrossOrigin, Origins, Preflights
from app.web.document import PROBLEMS, Audience, DescribedApi, operations_of
from app.web.edge import BODY_LIMIT_BYTES, Edge, PageRules, RequestLimits
from app.web.problems import install_problem_handlers
from app.web.route_table import RouteTable

_DESCRIPTION = """Afterglow notifies a ketamine clinic when a patient's benefit is fading.

Patients' devices send short check-ins of mood, energy and sleep; each is compared with that patient's own
scores after induction; the care team is notified by signed webhooks, with the reasons. It does not diagnose,
predict or decide, and it is not an emergency service."""


# A note of five million letters, each written as an escape: the form comes back with all else on it.
PAGE_BODY_LIMIT_BYTES: Final = 20_000_000
_ROUTERS: Final = (
    # First what comes most often: routes are tried in this order.
    check_ins.router,
    check_in_page.router,
    clinics.router,
    clinics.keys_router,
    clinics.clock_router,
    patients.router,
    treatment.router,
    care_teams.router,
    appointments.router,
    appointments.list_router,
    protocol_templates.router,
    merging.router,
    circumstances.router,
    sleep_nights.router,
    transfers.router,
    transfers.receiving_router,
    treatment.session_router,
    assessments.router,
    assessments.scales_router,
    check_ins.import_router,
    evaluations.router,
    monitoring.router,
    alerts.signals,
    alerts.safety_events,
    alerts.findings,
    worklist.router,
    webhooks.router,
    stream.router,
    webhooks.notice_router,
    insights.router,
    consent.router,
    consent.requests_router,
    retention.router,
    audit.router,
    staff.router,
    staff.session_router,
    staff.emergency_router,
    staff.list_router,
    patients.own_router,
    sleep_nights.own_router,
    reminders.router,
    texts.router,
    assessments.own_router,
    assessments.questionnaires_router,
    reminders.own_router,
    texts.gateway_router,
    consent.own_router,
    monitoring.own_router,
    check_ins.help_router,
    health.router,
    sign_in_page.router,
    own_page.router,
    history_page.router,
    nights_page.router,
    settings_page.router,
    questionnaire_page.router,
    tablet_page.router,
    public_page.router,
    public_page.rest_router,
    reports_page.router,
    audit_log_page.router,
    what_if_page.router,
    care_sign_in.router,
    single_sign_on.router,
    care_join.router,
    contact_test_page.router,
    care_account.router,
    team_page.router,
    *SETTINGS_ROUTERS,
    care_emergency.router,
    worklist_page.router,
    signal_page.router,
    safety_page.router,
    patients_page.router,
    new_patient_page.router,
    patient_page.router,
    infusion_page.router,
    care_tablet.router,
    session_page.router,
    assessment_page.router,
    booster_page.router,
    appointment_page.router,
    factors_page.router,
    taking_on_page.router,
    merge_page.router,
    transfer_page.router,
    transfer_page.receiving_router,
    circumstance_page.router,
    contact_page.router,
    care_team_page.router,
    course_page.router,
    taper_page.router,
    reference_page.router,
    record_page.router,
    details_page.router,
    care_public.router,
    care_public.rest_router,
    front_page.router,
    front_page.documents_router,
    ehr.router,
    fhir.router,
    fhir.rest_router,
)


async def _escalate(context: AppContext) -> None:
    """Escalate what nobody acknowledged in time, in all clinics."""
    for clinic in await escalation.list_due(context):
        if clinic.safety:
            await escalation.escalate_due(context, clinic.clinic_id)


def operation_name(route: APIRoute) -> str:
    """Name an operation by its function: short, and stable for clients generated from the document."""
    return route.name


def build_api(
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
) -> DescribedApi:
    """Put the rooms' routes together; needs nothing yet, so the OpenAPI document can be made from it."""
    api = DescribedApi(
        title="Afterglow",
        version=version("afterglow"),
        description=_DESCRIPTION,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        # A redirect would be built from the Host that the sender wrote.
        redirect_slashes=False,
        generate_unique_id_function=operation_name,
        lifespan=lifespan,
        responses=PROBLEMS,
        # FastAPI's own spans and logs carry paths with ids in them, queries, and the texts of exceptions.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    for router in _ROUTERS:
        api.include_router(router)
    api.webhooks.routes.extend(webhooks.outgoing.routes)
    install_problem_handlers(api)
    return api


def served_routes(api: FastAPI) -> list[BaseRoute]:
    """Give what is served, in its order: each route as its router has it.

    FastAPI makes each once more as part of the application, with what only the document needs: a third of a second.
    """
    own: list[BaseRoute] = [route for route in api.routes if isinstance(route, Route)]
    return own + [route for router in _ROUTERS for route in router.routes]


def build_app(context: AppContext, *, requests_per_minute: int, spool: Spool | None = None) -> ASGIApp:
    """Make the whole application around its context, which it closes when it ends."""

    @asynccontextmanager
    async def lifespan(_api: FastAPI) -> AsyncIterator[None]:
        background = [
            asyncio.create_task(StandIn(context, escalate=partial(_escalate, context)).run()),
            asyncio.create_task(learn_now_and_then(context)),
        ]
        if spool:
            background.append(asyncio.create_task(replay_now_and_then(context, spool)))
        try:
            yield
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await context.database.close()

    api = build_api(lifespan)
    api.state.context = context
    api.state.spool = spool
    api.router.routes.insert(0, RouteTable(served_routes(api)))
    patients_pages = PageRules(
        start="/p/",
        body_limit=PAGE_BODY_LIMIT_BYTES,
        refusal=lambda request, error: failure_page(request, context, error),
    )
    staff_pages = PageRules(
        start="/care/",
        body_limit=PAGE_BODY_LIMIT_BYTES,
        refusal=lambda request, error: care_failure_page(request, context, error),
    )
    fhir_rules = PageRules(
        start="/fhir",
        body_limit=BODY_LIMIT_BYTES,
        refusal=lambda _request, error: outcome_response(error),
    )
    limits, pages = RequestLimits(requests_per_minute), (patients_pages, staff_pages, fhir_rules)
    origins = Origins(
        operations=lambda: operations_of(api.part(Audience.PATIENT)),
        clinics_of=partial(clinics_allowing, context),
    )
    preflights = Preflights(ShortWay(IdempotentPosts(api), context=context), origins=origins)
    edge = Edge(preflights, limits=limits, pages=pages)
    return CrossOrigin(Intake(edge, context=context, spool=spool), origins=origins)
