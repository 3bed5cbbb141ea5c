"""Where a patient stands with their consent, for everything that must look before it takes or evaluates a report."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.foundation.errors import RefusalError, RefusalKind
from app.notifications.messages.consent_text import CURRENT_VERSION
from app.storage import patient_states
from app.storage.engine.unit_of_work import UnitOfWork


class ConsentStatus(StrEnum):
    """What a patient has answered, seen from the current text."""

    # Never answered: reports are taken, and the pages ask first.
    NOT_ASKED = "not_asked"
    GIVEN = "given"
    # Given to an earlier text: it stands, and the patient is asked again.
    OUTDATED = "outdated"
    WITHDRAWN = "withdrawn"


class ConsentWithdrawnError(RefusalError):
    """Consent was withdrawn, so nothing more is recorded or evaluated; giving it again resumes both."""

    kind = RefusalKind.CONFLICT
    code = "consent-withdrawn"


def consent_status_from(*, version: str | None, withdrawn_at: datetime | None) -> ConsentStatus:
    """Say where a patient stands, from what the patient's state keeps."""
    if withdrawn_at is not None:
        return ConsentStatus.WITHDRAWN
    if version is None:
        return ConsentStatus.NOT_ASKED
    return ConsentStatus.GIVEN if version == CURRENT_VERSION else ConsentStatus.OUTDATED


async def consent_status_of(work: UnitOfWork, patient_id: UUID) -> ConsentStatus | None:
    """Say where a patient of this clinic stands; None when there is no such patient."""
    kept = await patient_states.consent_of(work, patient_id)
    if kept is None:
        return None
    return consent_status_from(version=kept.version, withdrawn_at=kept.withdrawn_at)
