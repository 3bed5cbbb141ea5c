"""Taking a text message that came in: once, whoever sent it; its sender is answered in the same call."""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from babel.languages import get_official_languages

from app.access.clinics.crisis_lines import clinic_help
from app.care.alerts.finding_commands import FindingCode, raise_finding
from app.care.alerts.safety_reports import SafetyReport, SafetySource, report
from app.care.disclosures.detector import disclosures_in
from app.care.disclosures.names import is_statement, squeezed
from app.care.patients.crisis_help import help_for_patient
from app.care.patients.reminder_choices import index_of_number
from app.care.patients.sealed_fields import vault_of
from app.care.patients.sms_numbers import start, stop
from app.clinical.check_ins import check_in_day
from app.clinical.safety import OWN_STATEMENT, SafetyTrigger, Urgency
from app.context import AppContext, Work
from app.foundation.addresses import NumberNotUsableError, country_of_number, read_mobile_number
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.translations import LANGUAGES, SOURCE_LANGUAGE, Words, language_of, put_together, say
from app.notifications.messages.crisis_help import CrisisHelp, crisis_help, help_country
from app.notifications.transport.signing import is_signed
from app.storage import clinics, patient_merges, patient_states, patients, received_texts, reminder_plans
from app.storage import login_throttle as failed_tries
from app.storage.patients import PatientRecord
from app.storage.received_texts import ReceivedText


class Word(StrEnum):
    """What a person asks of whoever sends text messages, not of the clinic."""

    STOP = "stop"
    START = "start"


_STOP: Final = {
    # The words of the US carriers (CTIA) and of the FCC's rule on revoking consent.
    SOURCE_LANGUAGE: "stop stopall unsubscribe cancel end quit revoke optout",
    "es": "alto parar pare basta cancelar baja",
    "de": "stopp stoppen abmelden",
    "fr": "arret arreter stopper desabonner",
}
_START: Final = {
    SOURCE_LANGUAGE: "start unstop subscribe optin",
    "es": "iniciar inicio comenzar",
    "de": "starten anmelden",
    "fr": "debut demarrer abonner",
}
_MEANINGS: Final = {
    one: (word, language)
    for word, by_language in ((Word.STOP, _STOP), (Word.START, _START))
    for language, written in by_language.items()
    for one in written.split()
}
# Letters of any script and digits stay: what says more than the word is no such word.
_DRESS: Final = re.compile(r"[\W_]")
_LONGEST: Final = 40
_STOPPED: Final = say("You get no more text messages from us. Reply START to get them again.")
_STARTED: Final = say("You get text messages from us again. Reply STOP to end them.")
_NOT_READ: Final = say(
    "Text messages are not read here. Your clinic sees yours later; to reach someone, please call them. Reply STOP "
    "to get no more texts."
)
_NOT_KEPT: Final = say(
    "Text messages are not read here, and nobody gets yours. To reach someone, please call your clinic. Reply STOP "
    "to get no more texts."
)
_TEST: Final = say("[TEST]")


def word_in(text: str) -> tuple[Word, str] | None:
    """Give what a whole message asks for and its language, in any case, with any accents, blanks and marks.

    HELP is none: whoever writes it may mean it, so it is answered with help like anything else, and the team sees it.
    """
    if len(text.strip()) > _LONGEST:
        return None
    plain = unicodedata.normalize("NFKD", text.strip()).casefold()
    return _MEANINGS.get(_DRESS.sub("", plain))


def answer_to(word: Word, *, language: str, mode: str) -> str:
    """Say that what was asked for is done."""
    return _marked(_STOPPED if word is Word.STOP else _STARTED, language, mode)


def not_read(help_now: CrisisHelp, *, is_kept: bool, mode: str) -> str:
    """Say that nobody reads along, with the help of the place; ``is_kept``: the care team will see it."""
    named = (f"{one.label}: {one.number}" if one.number else one.label for one in help_now.lines)
    lines = [put_together((one, ".")) for one in named]
    said = _marked(_NOT_READ if is_kept else _NOT_KEPT, help_now.locale, mode)
    return " ".join([said, help_now.title, *lines])


def _marked(words: Words, language: str, mode: str) -> str:
    said = words.in_language(language)
    return f"{_TEST.in_language(language)} {said}" if mode == "test" else said


CELL: Final = {"table": "received_texts", "column": "text_sealed"}
LONGEST_KEPT: Final = 5000
ANSWERED_WITHIN: Final = timedelta(hours=1)
MOST_ANSWERED: Final = 20
"""From the 21st within an hour on, a number is not answered: two machines would go on for ever."""
# As the patient's own form has it, in each language.
_STATEMENT: Final = say("I am thinking about harming myself")
_SENTENCE_ENDS: Final = re.compile(r"[.!?,;:\n]+")


class GatewayNotSignedError(RefusalError):
    """This call is not signed with the gateway's secret, or is minutes old."""

    kind = RefusalKind.UNAUTHENTICATED
    code = "gateway-not-signed"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingText:
    """A message as the gateway passes it on; ``id`` is its own, the same for a repeat."""

    id: str
    sender: str = field(repr=False)
    text: str = field(repr=False)


def check_signature(context: AppContext, headers: dict[str, str], body: bytes) -> None:
    """Make sure that the gateway is calling.

    Raises:
        GatewayNotSignedError: there is none, or it is not.
    """
    gateway = context.gateway
    if gateway is None or not is_signed(headers, body, gateway.secret, now=context.clock.now()):
        raise GatewayNotSignedError


async def receive(context: AppContext, clinic_id: UUID, incoming: IncomingText) -> str | None:
    """Take a message; gives what its sender is answered, None: nothing. A repeat is answered the same, and is one.

    Raises:
        NotFoundError: there is no such clinic.
    """
    disclosed = disclosed_in(incoming.text)
    try:
        number = read_mobile_number(incoming.sender)
    except NumberNotUsableError:
        number = None
    if number is not None and disclosed is not None:
        # In a transaction before the rest: a message that cannot be kept takes no safety event with it.
        async with context.work(clinic_id, safety=True) as work:
            await _report(work, number, incoming, disclosed)
    async with context.work(clinic_id, safety=disclosed is not None) as work:
        if await clinics.profile(work) is None:
            raise NotFoundError
        # A short number, or a name: nobody whom an answer would reach.
        return None if number is None else await _take(work, number, incoming, disclosed)


def disclosed_in(text: str) -> SafetyTrigger | None:
    """Say what a message discloses: the statement at the end of one of its sentences, or a form written out.

    As in a note, nothing else that a person writes is looked into.
    """
    statements = {squeezed(_STATEMENT.in_language(language)) for language in LANGUAGES}
    for sentence in (*_SENTENCE_ENDS.split(text), text):
        if is_statement(sentence) or any(one in squeezed(sentence) for one in statements):
            return OWN_STATEMENT
    heard = disclosures_in(text.encode("utf-8", "replace"))
    triggers = sorted(
        (one.trigger for one in heard.disclosures), key=lambda one: one.urgency is not Urgency.URGENT
    )
    return triggers[0] if triggers else None


async def _take(
    work: Work, number: str, incoming: IncomingText, disclosed: SafetyTrigger | None
) -> str | None:
    word, patient = word_in(incoming.text), await _holder_of(work, number)
    received_id = _id_of(work, incoming)
    if patient is None or patient.archived_at is not None:
        return await _answer_who_is_not_read(work, number, word, patient, disclosed)
    await patient_states.lock(work, patient.id)
    if await _keep(work, patient, received_id, incoming.text, word[0] if word else None):
        await _follow(work, patient, received_id, number, word[0] if word else None)
    if word is not None:
        return answer_to(word[0], language=language_of(patient.locale), mode=patient.mode)
    since = work.real_now - ANSWERED_WITHIN
    if disclosed is None and await received_texts.count_since(work, patient.id, since=since) > MOST_ANSWERED:
        return None
    help_now = await help_for_patient(work, patient.id)
    return not_read(help_now, is_kept=True, mode=patient.mode)


def _id_of(work: Work, incoming: IncomingText) -> UUID:
    """Give the id under which a message is kept, the same for a repeat."""
    return UUID(bytes=work.vault.digest(b"text message", work.clinic_id.bytes, incoming.id.encode())[:16])


async def _holder_of(work: Work, number: str) -> PatientRecord | None:
    """Find the patient who holds a number: of a duplicate, the patient it was merged into, as with its devices."""
    holder = await reminder_plans.holder_of_number(work, index_of_number(work, number))
    if holder is None:
        return None
    while (merged := await patient_merges.holding(work, holder)) is not None:
        holder = merged.into_id
    return await patients.find(work, holder)


async def _keep(work: Work, patient: PatientRecord, received_id: UUID, text: str, word: Word | None) -> bool:
    """Keep what was written; says whether it is new."""
    own = vault_of(work, patient)
    received = ReceivedText(
        id=received_id,
        patient_id=patient.id,
        word=word.value if word else None,
        text_sealed=own.seal(text[:LONGEST_KEPT], row_id=received_id, **CELL),
        received_at=work.real_now,
    )
    if not await received_texts.add(work, received):
        return False
    work.audit("text_message.received", "text_message", received_id, patient_id=patient.id)
    return True


async def _follow(
    work: Work, patient: PatientRecord, received_id: UUID, number: str, word: Word | None
) -> None:
    """Do what a word asks for; else put the message before the care team, as a note."""
    if word is Word.STOP:
        await stop(work, number)
    elif word is Word.START:
        await start(work, number)
    else:
        await raise_finding(
            work,
            FindingCode.NOTE,
            patient.id,
            mode=patient.mode,
            on=check_in_day(work.now, patient.time_zone),
            source_id=received_id,
        )


async def _report(work: Work, number: str, incoming: IncomingText, disclosed: SafetyTrigger) -> None:
    """Set a disclosure on the safety pathway, whatever becomes of the message; a repeat is the same report."""
    patient = await _holder_of(work, number)
    if patient is None:
        return
    said = SafetyReport(
        patient_id=patient.id,
        mode=patient.mode,
        source=SafetySource.TEXT_MESSAGE,
        source_id=_id_of(work, incoming),
        urgent=disclosed.urgency is Urgency.URGENT,
        received_at=work.real_now,
        actor=work.actor,
    )
    await report(work, said)


async def _answer_who_is_not_read(
    work: Work,
    number: str,
    word: tuple[Word, str] | None,
    patient: PatientRecord | None,
    disclosed: SafetyTrigger | None,
) -> str | None:
    """Answer a number that nobody confirmed, or whose patient is archived, both the same, and keep nothing it says.

    What it stops, stops, and that alone is kept: a code may have gone to a stranger, whoever gave the number since.
    """
    clinic = await clinics.profile(work)
    if clinic is None:
        raise NotFoundError
    if word is not None:
        await (stop if word[0] is Word.STOP else start)(work, number)
        return answer_to(word[0], language=word[1], mode=clinic.mode)
    caller = work.vault.digest(b"text message from", number.encode())
    window = failed_tries.window_of(work.real_now)
    if await failed_tries.count_one(work, caller, window_start=window) > MOST_ANSWERED and disclosed is None:
        return None
    if patient is not None:
        help_now = await help_for_patient(work, patient.id)
    else:
        country = country_of_number(number)
        spoken = get_official_languages(country) if country else ()
        own = await clinic_help(work)
        where = help_country(chosen=country, clinic=own.country)
        help_now = crisis_help(spoken[0] if spoken else SOURCE_LANGUAGE, country=where, clinic=own)
    return not_read(help_now, is_kept=False, mode=clinic.mode)
