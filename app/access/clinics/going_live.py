"""From test to live: refused by name until somebody can be reached, by a person and by a machine."""

from typing import Any, Final
from uuid import UUID

from app.access.clinics.attention import attention_of
from app.access.clinics.contacts import missing_contacts
from app.access.clinics.service import Clinic, clinic_in
from app.context import AppContext
from app.foundation.audit import Actor, AuditEvent
from app.foundation.errors import RefusalError, RefusalKind
from app.storage import clinics, delivery_standing, heartbeats
from app.storage.engine.unit_of_work import UnitOfWork
from app.web.etags import ChangedMeanwhileError

# The event that an endpoint must have answered; its type is named in `webhooks`, above this room.
_TEST_EVENT: Final = "endpoint.test"


class NotReadyToGoLiveError(RefusalError):
    """The clinic cannot go live yet; see errors for all that is missing."""

    kind = RefusalKind.CONFLICT
    code = "not-ready-to-go-live"


async def go_live(context: AppContext, clinic_id: UUID, *, actor: Actor) -> Clinic:
    """Take a clinic live: patients registered from now on are live, those of the test stay test.

    A clinic that is live already stays as it is.

    Raises:
        NotReadyToGoLiveError: with everything that is missing.
        ChangedMeanwhileError: somebody changed the clinic at this very moment.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        clinic = await clinic_in(work, context.vault)
        if clinic.mode == "live":
            return clinic.needing(await attention_of(work, mode=clinic.mode))
        missing = await _missing(work, clinic)
        if missing:
            raise NotReadyToGoLiveError().finding(missing)
        audit = AuditEvent(
            at=now, actor=actor, action="clinic.went_live", subject_kind="clinic", subject_id=clinic_id
        )
        if not await clinics.change_profile(
            work, version=clinic.version, mode="live", went_live_at=now, audit=audit
        ):
            raise ChangedMeanwhileError
        clinic = await clinic_in(work, context.vault)
        clinic = clinic.needing(await attention_of(work, mode=clinic.mode))
        await work.commit()
    return clinic


async def _missing(work: UnitOfWork, clinic: Clinic) -> list[dict[str, Any]]:
    found = missing_contacts(clinic.contacts)
    if not await delivery_standing.was_delivered(work, event_type=_TEST_EVENT):
        found.append(
            {
                "pointer": "/v1/webhook-endpoints",
                "code": "no-endpoint-answered",
                "detail": "Add an endpoint, send it a test event, and let it answer with 2xx.",
            }
        )
    if not await heartbeats.a_worker_lives(work):
        found.append(
            {
                "pointer": "",
                "code": "no-worker",
                "detail": "No worker looks at what is due: whoever runs Afterglow starts `afterglow serve` or "
                "`afterglow worker`.",
            }
        )
    return found
