"""Check-ins: from the patient's phone, and imported by the clinic."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.access.clinics.access import ClinicRoute, work_for
from app.access.clinics.permissions import Permission
from app.care.check_ins import commands, corrections, queries
from app.care.check_ins.commands import Recorded
from app.care.check_ins.corrections import CorrectedCheckIn
from app.care.check_ins.reading import (
    STATUS_OF,
    batch_reply,
    check_in_reply,
    draft_of,
    read_items,
    read_place,
    read_sync_cursor,
    record_reply,
    write_sync_cursor,
)
from app.care.check_ins.schemas import (
    BatchReply,
    CheckInAmendment,
    CheckInBatch,
    CheckInEntry,
    CheckInItem,
    CheckInList,
    CheckInRecordList,
    CheckInRecordReply,
    CheckInReply,
    ImportedCheckInBatch,
    ImportedCheckInItem,
)
from app.care.check_ins.sources import FromClinic, FromDevice, Source
from app.care.check_ins.validation import CheckInDraft, Kept
from app.care.intake.hearing import disclosing_items, report_items
from app.care.patients.access import DeviceTokenPresented, PatientSignedIn, PatientWork
from app.care.patients.corrections import NobodyReadsReportsError
from app.care.patients.crisis_help import help_for_patient
from app.context import AppContext, Work
from app.foundation.errors import RefusalError
from app.notifications.messages.crisis_help import CrisisHelpReply, crisis_help, help_country
from app.outbox import DEFAULT_LANGUAGE
from app.web.correction_schemas import ChangedReply, Include, Restoration, Void
from app.web.dependencies import ClientTime, ContextNeeded, IfMatch, PageAsked, PageLimit
from app.web.headers import read_client_time, version_in, with_etag
from app.web.problems import Problem
from app.web.schemas import PAGE_SIZE, CountryCode

router = APIRouter(prefix="/v1/check-ins", tags=["check-ins"])
import_router = APIRouter(
    prefix="/v1/patients/{patient_id}/check-ins", tags=["check-ins"], route_class=ClinicRoute
)
MayImport = Annotated[Work, work_for(Permission.CHECK_INS_IMPORT)]
help_router = APIRouter(prefix="/v1", tags=["crisis help"])


@router.put(
    "/{check_in_id}",
    summary="Send a check-in",
    status_code=201,
    response_model=CheckInReply,
    responses={200: {"model": CheckInReply, "description": "Kept before"}, 409: {"model": Problem}},
)
async def put_check_in(
    check_in_id: UUID,
    body: CheckInEntry,
    context: ContextNeeded,
    token: DeviceTokenPresented,
    client_time: ClientTime = None,
) -> Response:
    """Keep a check-in under the id that the phone chose (a UUIDv7); sending it again changes nothing.

    A safety answer adds `crisis_help` to the reply, to be shown at once.
    """
    source = FromDevice(token=token, client_time=read_client_time(client_time))
    recorded = await commands.record(context, source, [draft_of(check_in_id, body)])
    (outcome,) = recorded.items
    if isinstance(outcome, NobodyReadsReportsError):
        async with context.work(token.clinic_id) as work:
            raise outcome.with_help(await help_for_patient(work, recorded.patient_id))
    if isinstance(outcome, RefusalError):
        raise outcome
    help_now = await _help(context, token.clinic_id, recorded.patient_id) if body.self_harm_thoughts else None
    reply = check_in_reply(context.vault, token.clinic_id, outcome.stored, help_now)
    return Response(
        reply.model_dump_json(), status_code=STATUS_OF[outcome.outcome], media_type="application/json"
    )


@router.post("/batch", summary="Send several check-ins")
async def send_batch(
    body: CheckInBatch,
    context: ContextNeeded,
    token: DeviceTokenPresented,
    client_time: ClientTime = None,
) -> BatchReply:
    """Keep up to 100 check-ins, with one result an item, in order; a bad item never fails the rest."""
    source = FromDevice(token=token, client_time=read_client_time(client_time))
    return await _record_batch(context, source, body.items, CheckInItem)


@import_router.post("/batch", summary="Bring past check-ins along")
async def import_batch(
    patient_id: UUID, body: ImportedCheckInBatch, context: ContextNeeded, work: MayImport
) -> BatchReply:
    """Keep up to 100 past check-ins from elsewhere, however old; they can raise only what holds now."""
    source = FromClinic(clinic_id=work.clinic_id, patient_id=patient_id, by=work.actor)
    return await _record_batch(context, source, body.items, ImportedCheckInItem)


@import_router.get("", summary="List check-ins")
async def list_records(
    patient_id: UUID,
    work: Annotated[Work, work_for(Permission.TREATMENT_READ)],
    page: PageAsked,
    include: Include = None,
) -> CheckInRecordList:
    """List a patient's check-ins, latest first; with those taken back or entered in error, if wanted."""
    found = await queries.list_of_patient(
        work, patient_id, after=read_place(page.cursor), limit=page.limit, with_errors=include is not None
    )
    said = (stored.check_in for stored, _ in found)
    page.link_after([f"{one.recorded_at.isoformat()} {one.id}" for one in said])
    return CheckInRecordList(
        items=[record_reply(work.vault, work.clinic_id, stored, version) for stored, version in found]
    )


@import_router.patch("/{check_in_id}", summary="Amend an imported check-in")
async def amend_check_in(
    patient_id: UUID,
    check_in_id: UUID,
    body: CheckInAmendment,
    work: MayImport,
    response: Response,
    if_match: IfMatch = None,
) -> CheckInRecordReply:
    """Change what was imported wrongly, with a reason; needs If-Match. One that the patient sent stays the patient's.

    Another check-in, with its own id, takes its place: both stay on the record.
    """
    corrected = await corrections.amend_check_in(
        work,
        patient_id,
        check_in_id,
        body.changes(),
        reason=body.reason,
        version=version_in(if_match),
        confirm=body.confirm,
    )
    return with_etag(response, corrected.version, _corrected(work, corrected))


@import_router.post("/{check_in_id}/void", summary="Void an imported check-in")
async def void_check_in(
    patient_id: UUID, check_in_id: UUID, body: Void, work: MayImport
) -> CheckInRecordReply:
    """Take an imported check-in as entered in error; one that the patient sent stays the patient's."""
    corrected = await corrections.void_check_in(work, patient_id, check_in_id, reason=body.reason)
    return _corrected(work, corrected)


@import_router.post("/{check_in_id}/restore", summary="Restore an imported check-in")
async def restore_check_in(
    patient_id: UUID, check_in_id: UUID, work: MayImport, body: Restoration | None = None
) -> CheckInRecordReply:
    """Let an imported check-in count again that was voided."""
    reason = body.reason if body else None
    return _corrected(work, await corrections.restore_check_in(work, patient_id, check_in_id, reason=reason))


def _corrected(work: Work, corrected: CorrectedCheckIn) -> CheckInRecordReply:
    changed = ChangedReply.of(corrected.effects)
    return record_reply(work.vault, work.clinic_id, corrected.stored, corrected.version, changed)


@router.get("", summary="Sync check-ins", responses={410: {"model": Problem}})
async def list_check_ins(
    caller: PatientSignedIn,
    work: PatientWork,
    after: Annotated[str | None, Query(max_length=200, description="The cursor from the last sync")] = None,
    limit: PageLimit = PAGE_SIZE,
) -> CheckInList:
    """List what changed since the cursor: new, corrected and withdrawn check-ins, in that order.

    410 when our data was restored since: sync from the beginning, and send what is not among it again.
    """
    found, place = await queries.changes_since(
        work, caller.patient_id, asked=read_sync_cursor(after), limit=limit
    )
    items = [check_in_reply(work.vault, caller.clinic_id, stored) for stored in found]
    return CheckInList(items=items, cursor=write_sync_cursor(place))


@router.delete("/{check_in_id}", status_code=204, summary="Withdraw a check-in")
async def withdraw_check_in(check_in_id: UUID, caller: PatientSignedIn, work: PatientWork) -> None:
    """Take a check-in back; it no longer counts, and stays marked on the record."""
    await commands.withdraw(work, caller.patient_id, check_in_id)


@help_router.get("/crisis-help", summary="Crisis help")
@help_router.head("/crisis-help", include_in_schema=False)
async def read_crisis_help(
    locale: Annotated[str, Query(max_length=35)] = DEFAULT_LANGUAGE,
    country: Annotated[CountryCode | None, Query(description="Where the person is")] = None,
) -> CrisisHelpReply:
    """Give the help for a place and a language; without a country, the locale's region is asked. Who may: everybody.

    Where the country is not known, the number is null, and the label sends to the local emergency number.
    """
    return CrisisHelpReply.of(crisis_help(locale, country=help_country(chosen=country, locale=locale)))


async def _record_batch(
    context: AppContext,
    source: Source,
    items: list[Any],
    form: type[CheckInItem] | type[ImportedCheckInItem],
) -> BatchReply:
    read = read_items(items, form)
    recorded = await commands.record(context, source, [one for one in read if isinstance(one, CheckInDraft)])
    said = await disclosing_items()
    kept = _kept_flags(read, recorded)
    await report_items({at for at in said if not kept[at]})
    statements = [at in said for at in range(len(items))]
    unread = any(isinstance(one, NobodyReadsReportsError) for one in recorded.items)
    helps = unread or any(statements)
    help_now = await _help(context, source.clinic_id, recorded.patient_id) if helps else None
    return batch_reply(
        context.vault,
        source.clinic_id,
        items,
        read,
        recorded.items,
        statements=statements,
        help_now=help_now,
    )


def _kept_flags(read: list[CheckInDraft | dict[str, Any]], recorded: Recorded) -> list[bool]:
    outcomes = iter(recorded.items)
    return [isinstance(one, CheckInDraft) and isinstance(next(outcomes), Kept) for one in read]


async def _help(context: AppContext, clinic_id: UUID, patient_id: UUID) -> CrisisHelpReply:
    async with context.work(clinic_id) as work:
        return CrisisHelpReply.of(await help_for_patient(work, patient_id))
