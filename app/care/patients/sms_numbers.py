"""A patient's number for text messages: confirmed by a code before anything goes there, and ended by its holder."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.care.patients.corrections import SENT_NOTHING, ArchivedError
from app.care.patients.queries import existing
from app.care.patients.reminder_choices import NO_CODE, index_of_number, plan_of, sms_number_of
from app.care.patients.sealed_fields import vault_of
from app.context import Work
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.text import read_code
from app.outbox import Channel, NewMessage, Wording, queue_message
from app.storage import outgoing_messages, reminder_plans, stopped_numbers
from app.storage.reminder_plans import ReminderPlan

LASTS: Final = timedelta(minutes=10)
MOST_TRIES: Final = 5
MOST_CODES: Final = 5
CODES_WITHIN: Final = timedelta(days=1)
"""So many codes within this time: nobody is flooded by someone who types in a stranger's number."""
_DIGITS: Final = 6


class SmsNumberMissingError(RefusalError):
    """There is no mobile number to confirm; please give one first."""

    kind = RefusalKind.CONFLICT
    code = "sms-number-missing"


class NoTextMessagesError(RefusalError):
    """This service has no gateway for text messages; please choose another way."""

    kind = RefusalKind.CONFLICT
    code = "no-text-messages"


class TooManySmsCodesError(RefusalError):
    """Five codes were sent within a day; please wait before asking for another."""

    kind = RefusalKind.TOO_MANY
    code = "too-many-sms-codes"


class SmsCodeNotValidError(RefusalError):
    """This code does not work: it was mistyped, used before, or has expired. Please ask for a new one."""

    # One text for all of them: a guesser learns nothing.
    code = "sms-code-not-valid"


async def send_code(work: Work, patient_id: UUID) -> None:
    """Text a code to the number that a patient gave; the one before works no more.

    Nothing is sent where someone who holds this number wanted no texts of this clinic's, and the answer is the same.

    Raises:
        NotFoundError: there is no such patient.
        ArchivedError: nothing is sent to them any more.
        SmsNumberMissingError: they gave none. NoTextMessagesError: there is no way there.
        TooManySmsCodesError: there were too many of late.
    """
    patient = await existing(work, patient_id)
    if patient.archived_reason in SENT_NOTHING:
        raise ArchivedError
    plan = await plan_of(work, patient_id, lock=True)
    number = sms_number_of(vault_of(work, patient), plan)
    if number is None:
        raise SmsNumberMissingError
    if work.context.gateway is None:
        raise NoTextMessagesError
    since = plan.sms_codes_since
    if since is None or since + CODES_WITHIN <= work.real_now:
        plan = replace(plan, sms_codes=0, sms_codes_since=work.real_now)
    elif plan.sms_codes >= MOST_CODES:
        left = since + CODES_WITHIN - work.real_now
        raise TooManySmsCodesError(retry_after_seconds=max(1, int(left.total_seconds())))
    code, index = _new_code(), index_of_number(work, number)
    asked = replace(
        plan,
        sms_number_index=index,
        sms_code_digest=_digest(work, patient_id, index, code),
        sms_code_expires_at=work.real_now + LASTS,
        sms_code_tries=0,
        sms_codes=plan.sms_codes + 1,
    )
    await reminder_plans.change_number(work, asked)
    work.audit("sms_code.asked", "patient", patient_id)
    if not await stopped_numbers.has(work, index):
        await _send(work, asked, number, code, locale=patient.locale, mode=patient.mode)


async def _send(work: Work, plan: ReminderPlan, number: str, code: str, *, locale: str, mode: str) -> None:
    message = NewMessage(
        channel=Channel.GATEWAY,
        to=number,
        wording=Wording.NUMBER_CODE,
        locale=locale,
        # Browsers send no fragment anywhere; the text takes the code from it.
        link=f"{work.public_url}/p/settings#{code}",
        mode=mode,
        patient_id=plan.patient_id,
        not_after=plan.sms_code_expires_at,
    )
    await queue_message(work, message, now=work.real_now)


async def confirm(work: Work, patient_id: UUID, code: str) -> None:
    """Let a number get text messages, once its holder gave the code that was sent there.

    Another patient of the clinic who had the number before has it no more: numbers change hands. A wrong code counts
    although it is refused: what came before is committed.

    Raises:
        NotFoundError: there is no such patient.
        SmsCodeNotValidError: it is another code, was used, has expired, or was tried too often.
    """
    plan = await plan_of(work, patient_id, lock=True)
    given = _digest(work, patient_id, plan.sms_number_index or b"", read_code(code))
    right = hmac.compare_digest(plan.sms_code_digest or b"", given)
    expires_at = plan.sms_code_expires_at
    in_time = expires_at is not None and work.real_now < expires_at and plan.sms_code_tries < MOST_TRIES
    if not (right and in_time) or plan.sms_number_index is None:
        await reminder_plans.change_number(work, replace(plan, sms_code_tries=plan.sms_code_tries + 1))
        work.audit("sms_code.refused", "patient", patient_id)
        await work.commit()
        raise SmsCodeNotValidError("#/code")
    for other in await reminder_plans.lock_with_number(work, plan.sms_number_index):
        if other.patient_id != patient_id and other.sms_confirmed_at is not None:
            await reminder_plans.change_number(work, replace(other, sms_confirmed_at=None))
            # What waits for the one who had it is for them, and the number is another person's now.
            await outgoing_messages.cancel_of_patient(
                work, other.patient_id, trouble="number_changed", channel=Channel.GATEWAY
            )
            work.audit("sms_number.passed_on", "patient", other.patient_id)
    confirmed = replace(plan, sms_confirmed_at=work.real_now, **NO_CODE)
    await reminder_plans.change_number(work, confirmed)
    work.audit("sms_number.confirmed", "patient", patient_id)


async def stop(work: Work, number: str) -> None:
    """Send nothing more to a number, whoever gave it or gives it, and end what waits to be sent there."""
    index = index_of_number(work, number)
    if not await stopped_numbers.add(work, index, at=work.real_now):
        return
    plans = await reminder_plans.lock_with_number(work, index)
    for plan in plans:
        await reminder_plans.change_number(work, replace(plan, **NO_CODE))
        await outgoing_messages.cancel_of_patient(
            work, plan.patient_id, trouble="stopped", channel=Channel.GATEWAY
        )
    _audit(work, "sms_number.stopped", plans)


async def start(work: Work, number: str) -> None:
    """Send to a number again, where it is confirmed."""
    index = index_of_number(work, number)
    if await stopped_numbers.remove(work, index):
        _audit(work, "sms_number.started", await reminder_plans.lock_with_number(work, index))


def _audit(work: Work, action: str, plans: Sequence[ReminderPlan]) -> None:
    """Note it of each patient who gave the number; of the clinic, where nobody gave it."""
    for plan in plans:
        work.audit(action, "patient", plan.patient_id)
    if not plans:
        work.audit(action, "clinic", work.clinic_id)


def _new_code() -> str:
    return f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}"


def _digest(work: Work, patient_id: UUID, number_index: bytes, code: str) -> bytes:
    return work.vault.digest(b"sms code", patient_id.bytes, number_index, code.encode())
