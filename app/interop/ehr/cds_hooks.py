"""CDS Hooks: who opens a chart in the clinic's EHR sees in a card that a signal or a safety event is open here.

The EHR shows who it is by a signed token: by a key that an owner registered, for this very address, and once. Nothing
is fetched from an address that the call names, and nothing of it is kept.
"""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from app.care.alerts.queries import list_alerts, views_of
from app.care.alerts.signal_commands import SIGNAL
from app.context import AppContext, Work
from app.foundation.audit import Actor, ActorKind
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.interop.fhir.codes import Json
from app.interop.smart.backend_services import ALGORITHMS
from app.interop.smart.json_web_tokens import TokenNotBelievedError, claims_once
from app.interop.smart.linked_patients import linked_patient
from app.storage import connected_systems, safety_events
from app.storage.alerts import OPEN_STATES
from app.web.schemas import RequestBody

SERVICE: Final = "afterglow"
_CARDS_OF_LEVEL: Final = {
    "consider_booster": ("warning", "Afterglow: consider a booster; the benefit is fading"),
    "watch": ("info", "Afterglow: watch; the benefit may be fading"),
}
_OTHER_LEVEL: Final = ("info", "Afterglow: a signal is open")
_SAFETY: Final = "Afterglow: a safety event is open"
_OPENS: Final = "Open in Afterglow"


class HookCallRefusedError(RefusalError):
    """This call shows no token that is believed: signed by a registered key, for this address, and once."""

    kind = RefusalKind.UNAUTHENTICATED
    code = "hook-call-refused"


class HookContext(RequestBody):
    """What is open in the EHR."""

    # An EHR may say more than is needed here.
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    patientId: Annotated[str, Field(min_length=1, max_length=200)]  # noqa: N815 - CDS Hooks names it so


class HookCall(RequestBody):
    """A call of the hook patient-view."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    hook: Literal["patient-view"]
    hookInstance: UUID  # noqa: N815 - CDS Hooks names it so
    context: HookContext


def discovery() -> Json:
    """Say which services there are."""
    service = {
        "hook": "patient-view",
        "id": SERVICE,
        "title": "Fading benefit",
        "description": "Says that a signal or a safety event of the patient is open in Afterglow.",
    }
    return {"services": [service]}


def hooks_url(public_url: str, clinic_id: UUID, system_id: UUID) -> str:
    """Give the address under which an EHR finds the services."""
    return f"{public_url}/cds/{clinic_id}/{system_id}/cds-services"


async def cards_for(
    context: AppContext, clinic_id: UUID, system_id: UUID, *, token: str, call: HookCall
) -> Json:
    """Give the cards of the patient whose chart is open there; none for one whom this clinic does not know.

    Raises:
        NotFoundError: the clinic has no such EHR, or registered no key for its calls.
        HookCallRefusedError: the token is not believed.
    """
    actor = Actor(kind=ActorKind.API_KEY, id=system_id)
    async with context.work(clinic_id, actor=actor) as work:
        await _believe(work, system_id, token)
        try:
            patient_id = await linked_patient(work, system_id, call.context.patientId)
        except RefusalError:
            return {"cards": []}
        return {"cards": await _cards(work, patient_id)}


async def _believe(work: Work, system_id: UUID, token: str) -> None:
    system = await connected_systems.find(work, system_id)
    keys = None if system is None else system.settings.get("hook_keys")
    if system is None or keys is None:
        raise NotFoundError
    audience = f"{hooks_url(work.public_url, work.clinic_id, system_id)}/{SERVICE}"
    try:
        await claims_once(
            work,
            token,
            keys,
            issuer=system.settings.get("hook_issuer") or system.issuer,
            audience=audience,
            shown_by=system_id,
            algorithms=ALGORITHMS,
        )
    except TokenNotBelievedError:
        raise HookCallRefusedError from None


async def _cards(work: Work, patient_id: UUID) -> list[Json]:
    listed = await list_alerts(work, SIGNAL, states=OPEN_STATES, patient_id=patient_id, after=None, limit=1)
    cards = [
        _card(work, *_CARDS_OF_LEVEL.get(one.signal.level, _OTHER_LEVEL), detail=one.explanation)
        for one in await views_of(work, listed)
    ]
    if await safety_events.patients_with_open(work, [patient_id]):
        work.record_access("safety_events", patient_id=patient_id)
        cards.insert(0, _card(work, "critical", _SAFETY, detail=None))
    return cards


def _card(work: Work, indicator: str, summary: str, *, detail: str | None) -> dict[str, Any]:
    launch = f"{work.public_url}/care/launch/{work.clinic_id}"
    card: dict[str, Any] = {
        "summary": summary,
        "indicator": indicator,
        "source": {"label": "Afterglow", "url": work.public_url},
        "links": [{"label": _OPENS, "url": launch, "type": "smart"}],
    }
    return card if detail is None else {**card, "detail": detail}
