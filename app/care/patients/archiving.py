"""Archiving: from then on nobody here reads a patient's reports, and the patient is shown so, with help.

Devices may read and no longer report; reminders stop; to a person who died nothing more is sent. A disclosure
that still arrives is a safety event, and open safety events stay open.
"""

from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from app.care.patients.crisis import help_for_patient
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.vault import Vault
from app.notifications.messages.crisis_help import CrisisHelp
from app.notifications.messages.help_reply import CrisisHelpReply
from app.storage import patients
from app.storage.engine.unit_of_work import UnitOfWork


class ArchiveReason(StrEnum):
    """Why a patient was archived."""

    CARE_ENDED = "care_ended"
    TRANSFERRED = "transferred"
    DECEASED = "deceased"
    REGISTERED_IN_ERROR = "registered_in_error"
    DUPLICATE = "duplicate"


# To such a person, or to nobody, nothing more is sent that is waiting already.
SENT_NOTHING: Final = frozenset({ArchiveReason.DECEASED, ArchiveReason.REGISTERED_IN_ERROR})


class NobodyReadsReportsError(RefusalError):
    """Nobody at this clinic reads your reports now. If you need help, please use the numbers given here."""

    kind = RefusalKind.CONFLICT
    code = "patient-archived"

    def with_help(self, help_now: CrisisHelp) -> Self:
        """Let crisis help travel with the answer."""
        self.extensions = {
            **self.extensions,
            "crisis_help": CrisisHelpReply.of(help_now).model_dump(mode="json"),
        }
        return self


class ArchivedError(RefusalError):
    """This patient is archived; unarchive the patient first."""

    kind = RefusalKind.CONFLICT
    code = "archived"


class NotArchivedError(RefusalError):
    """This patient is not archived."""

    kind = RefusalKind.CONFLICT
    code = "not-archived"


async def refuse_archived(work: UnitOfWork, vault: Vault, patient_id: UUID) -> None:
    """Refuse what a patient's device may no longer do.

    Raises:
        NobodyReadsReportsError: the patient is archived; help travels with it.
    """
    found = await patients.find(work, patient_id)
    if found is not None and found.archived_at is not None:
        raise NobodyReadsReportsError().with_help(await help_for_patient(work, vault, patient_id))
