"""What a clinic must see to now, for the head of every page."""

from enum import StrEnum

from app.storage import endpoints, heartbeats, safety_events
from app.storage.engine.unit_of_work import UnitOfWork


class Attention(StrEnum):
    """One thing that someone must see to."""

    # Nobody acknowledged a safety event within the clinic's limit.
    SAFETY_UNACKNOWLEDGED = "safety_unacknowledged"
    # The clinic is live, and no worker has looked for a minute: what is due is not sent.
    NO_WORKER = "no_worker"
    # The clinic is live, and no endpoint is enabled: nothing gets out.
    NO_ENABLED_ENDPOINT = "no_enabled_endpoint"
    ENDPOINT_DISABLED = "endpoint_disabled"
    # Nothing has got through to an enabled endpoint since its last failure.
    ENDPOINT_FAILING = "endpoint_failing"


async def attention_of(work: UnitOfWork, *, mode: str) -> tuple[Attention, ...]:
    """Say what this clinic must see to, the most urgent first."""
    known = await endpoints.all_of_clinic(work)
    enabled = [endpoint for endpoint in known if endpoint.state == "enabled"]
    holds = {
        Attention.SAFETY_UNACKNOWLEDGED: await safety_events.waits_escalated(work),
        Attention.NO_WORKER: mode == "live" and not await heartbeats.a_worker_lives(work),
        Attention.NO_ENABLED_ENDPOINT: mode == "live" and not enabled,
        Attention.ENDPOINT_DISABLED: len(enabled) < len(known),
        Attention.ENDPOINT_FAILING: any(endpoint.failing_since for endpoint in enabled),
    }
    return tuple(one for one in Attention if holds[one])
