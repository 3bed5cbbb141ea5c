"""Rules of transactions: a request has one, opened at its edge; few others open any, and each says why."""

import ast
from typing import Final

from tests.house.sources import Source, parsed, sources

_EDGE: Final = "gives a request its transaction"
_WHO: Final = "finds out who asks, before there is a request's transaction"
_NOT_KNOWN: Final = "is asked by someone who has yet to be known, by a code or a link"
_STAYS: Final = "must be kept though the request is refused"
_JOB: Final = "a job, in as many transactions as it has steps"
_CHECK_IN: Final = "the check-in path, which may have to try again"
_LOOKS: Final = "looks after the process itself, or the whole database"

# By module, below ``app``. The command line and the engine of storage open their own and are not listed.
OPENS: Final = {
    "access.audit.seals": _JOB,
    "access.clinics.access": _EDGE,
    "access.clinics.browser_origins": _NOT_KNOWN,
    "access.clinics.caller": _WHO,
    "access.clinics.contact_tests": _NOT_KNOWN,
    "access.clinics.idempotency_middleware": _STAYS,
    "access.clinics.queries": _NOT_KNOWN,
    "access.clinics.test_clock": _LOOKS,
    "access.resealing": _JOB,
    "access.staff.joining": _NOT_KNOWN,
    "access.staff.login_throttle": _STAYS,
    "access.staff.passkeys": _STAYS,
    "access.staff.routes": _STAYS,
    "access.staff.signing_in": _NOT_KNOWN,
    "care.alerts.escalation": _JOB,
    "care.check_ins.commands": _CHECK_IN,
    "care.check_ins.corrections": _CHECK_IN,
    "care.check_ins.routes": _CHECK_IN,
    "care.intake.reporting": _STAYS,
    "care.monitoring.corrections": _JOB,
    "care.monitoring.decision_replay": _JOB,
    "care.monitoring.commands": _JOB,
    "care.patients.access": _EDGE,
    "care.patients.devices": _WHO,
    "care.patients.enrolment": _NOT_KNOWN,
    "care.patients.magic_links": _NOT_KNOWN,
    "care.reminders.due_reminders": _JOB,
    "care.reminders.commands": _NOT_KNOWN,
    "care.retention.commands": _JOB,
    "care.texts.commands": _NOT_KNOWN,
    "imports.commands": _JOB,
    "imports.taking_on": _JOB,
    "interop.archive.installation": _JOB,
    "interop.fhir.exporting": _JOB,
    "interop.fhir.routes": _STAYS,
    "interop.smart.backend_services": _NOT_KNOWN,
    "interop.ehr.cds_hooks": _NOT_KNOWN,
    "interop.ehr.reading": _JOB,
    "interop.smart.linked_patients": _NOT_KNOWN,
    "interop.smart.single_sign_on": _NOT_KNOWN,
    "interop.transfer.commands": _JOB,
    "notifications.dispatcher": _JOB,
    "notifications.messages.sending": _JOB,
    "notifications.webhooks.delivering": _JOB,
    "pages.patient.visitor": _EDGE,
    "pages.staff.sign_in_form": _WHO,
    "pages.staff.sign_in_page": _NOT_KNOWN,
    "pages.staff.visitor": _EDGE,
    "storage.inspection": _LOOKS,
    "studies.stored_patients": _JOB,
    "studies.what_if_jobs": _JOB,
    "web.health": _LOOKS,
    "worker": _JOB,
}


def openings(source: Source) -> list[str]:
    """Find where a transaction is opened."""
    return [
        source.at(node)
        for node in source.nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "work"
        and ast.unparse(node.func.value).rpartition(".")[2].lstrip("_") in {"context", "database"}
    ]


def handed_in_pieces(source: Source) -> list[str]:
    """Find functions that take a work and, beside it, what the work holds."""
    held = {"context", "clinic_id", "now", "actor"}
    found = []
    for function in source.functions():
        names = {one.arg for one in (*function.args.args, *function.args.kwonlyargs)}
        is_work = any(
            one.arg == "work" and one.annotation is not None and ast.unparse(one.annotation) == "Work"
            for one in function.args.args
        )
        if is_work and len(names & held) > 1:
            found.append(source.at(function))
    return found


def test_what_a_work_holds_is_not_handed_down_beside_it() -> None:
    assert [place for source in sources() for place in handed_in_pieces(source)] == []


def test_a_work_handed_down_in_pieces_would_be_noticed() -> None:
    assert handed_in_pieces(parsed("async def f(work: Work, clinic_id: UUID, *, now: datetime): ..."))


def test_who_opens_a_transaction_is_on_the_list() -> None:
    opening = {source.name.removeprefix("app.") for source in sources() if openings(source)}
    beside = {name for name in opening if name.startswith(("cli.", "storage.engine."))}
    assert opening - beside == set(OPENS)


def test_a_transaction_opened_by_a_command_would_be_noticed() -> None:
    assert openings(parsed("async def f(context): \n  async with context.work(None) as work: pass"))
