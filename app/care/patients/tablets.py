"""The clinic's tablet in a patient's hands: one form of one patient, for a few minutes, and nothing else.

What the browser holds opens nowhere but on the tablet's own pages: the session in it is sealed.
"""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.cookies import CookieError, SimpleCookie
from typing import Final
from uuid import UUID

from app.care.patients import devices
from app.care.patients.consent_status import ConsentStatus
from app.care.patients.corrections import ArchivedError
from app.care.patients.queries import existing, patient_of
from app.context import Work
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.foundation.translations import language_of
from app.foundation.vault import CannotOpenError, Vault

COOKIE: Final = "afterglow-tablet"
CHECK_IN: Final = "check-in"
IDLE: Final = timedelta(minutes=5)
LASTS_AT_MOST: Final = timedelta(minutes=30)
"""As long the browser keeps it: what is disclosed after five idle minutes is the patient's all the same."""
_CELL: Final = {"table": "tablet", "column": "handover"}
_NOBODY: Final = UUID(int=0)


class ConsentFirstError(RefusalError):
    """The patient has not agreed to the present text yet; that comes first, on a device of their own."""

    kind = RefusalKind.CONFLICT
    code = "consent-first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What a tablet is handed over for.

    Attributes:
        token: the session of the one patient.
        form: the check-in, or the key of a questionnaire.
        form_id: the one report that it is good for.
        used_at: when it was last touched.
    """

    token: str = field(repr=False)
    form: str
    form_id: UUID
    language: str
    began_at: datetime
    used_at: datetime

    def is_over(self, now: datetime) -> bool:
        """Whether nobody used it for five minutes, or it has lasted for half an hour."""
        return now - self.used_at >= IDLE or now - self.began_at >= LASTS_AT_MOST


async def hand_over(work: Work, patient_id: UUID, form: str) -> Handover:
    """Let the tablet in hand report for a patient, once.

    Raises:
        NotFoundError: the clinic has no such patient.
        ArchivedError: nobody would read it.
        ConsentFirstError: the patient has not agreed.
    """
    record = await existing(work, patient_id)
    patient = patient_of(work, record)
    if patient.archived is not None:
        raise ArchivedError
    if patient.consent is not ConsentStatus.GIVEN:
        raise ConsentFirstError
    device_id = new_id()
    opened = await devices.open_browser(work, record, device_id=device_id, name="Tablet at the clinic")
    work.audit("tablet.handed_over", "device", device_id, patient_id=patient_id)
    return Handover(
        token=opened.token,
        form=form,
        form_id=new_id(),
        language=language_of(patient.locale),
        began_at=work.real_now,
        used_at=work.real_now,
    )


def write_handover(vault: Vault, handover: Handover) -> str:
    """Write it for the browser's cookie."""
    text = json.dumps(
        [
            handover.token,
            handover.form,
            str(handover.form_id),
            handover.language,
            int(handover.began_at.timestamp()),
            int(handover.used_at.timestamp()),
        ]
    )
    sealed = vault.seal(text, clinic_id=_NOBODY, row_id=_NOBODY, **_CELL)
    return base64.urlsafe_b64encode(sealed).decode()


def read_handover(vault: Vault, text: str) -> Handover | None:
    """Read it back, also one that is over; None when we did not write it."""
    try:
        sealed = base64.urlsafe_b64decode(text.encode())
        token, form, form_id, language, began_at, used_at = json.loads(
            vault.open(sealed, clinic_id=_NOBODY, row_id=_NOBODY, **_CELL)
        )
    except (CannotOpenError, ValueError):
        return None
    return Handover(
        token=token,
        form=form,
        form_id=UUID(form_id),
        language=language,
        began_at=datetime.fromtimestamp(began_at, UTC),
        used_at=datetime.fromtimestamp(used_at, UTC),
    )


def session_in(vault: Vault, cookies: str) -> str:
    """Give the sealed session among a request's cookies, also of a handover that is over; empty where there is none.

    What is disclosed on a tablet is the patient's, whatever becomes of the form.
    """
    if COOKIE not in cookies:
        return ""
    try:
        found = SimpleCookie(cookies)
    except CookieError:
        return ""
    for name in (f"__Host-{COOKIE}", COOKIE):
        if name in found and (handover := read_handover(vault, found[name].value)) is not None:
            return handover.token
    return ""
