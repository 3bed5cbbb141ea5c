"""Reading a clinic's EHR: its procedures, doses and appointments become sessions and appointments here, and stay so.

The EHR is the clinic's record. Each of its resources is one transaction, linked by the id that it has there, so that
what comes twice is kept once, what comes late does not undo what came since, and a correction there corrects here.
What is gone there without a word stays here.
"""

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from app.access.clinics.queries import clinic_in
from app.care.patients.commands import Registration, register
from app.care.patients.plausibility import NeedsConfirmationError
from app.care.patients.queries import existing
from app.care.patients.sealed_fields import chart_number_index
from app.care.treatment import appointments as planning
from app.care.treatment.appointments import PlannedAppointment
from app.care.treatment.commands import GivenInfusion, enter_infusion
from app.care.treatment.infusion_corrections import (
    InfusionChange,
    amend_infusion,
    restore_infusion,
    void_infusion,
)
from app.care.treatment.queries import course_of
from app.clinical.course import InfusionPhase, Route
from app.context import AppContext, Work
from app.foundation.audit import Actor
from app.foundation.errors import NotFoundError, RefusalError
from app.foundation.ids import new_id
from app.foundation.text import read_chart_number
from app.interop.fhir.codes import OURS, Json
from app.interop.smart.fetching import SystemAwayError, fetch_json
from app.interop.smart.linked_patients import external_digest
from app.interop.smart.single_sign_on import KEY_CELL
from app.storage import appointments, connected_systems, infusions, linked_records, patients
from app.storage.appointments import AppointmentKind, AppointmentState
from app.storage.connected_systems import ConnectedSystem
from app.storage.infusions import StoredInfusion
from app.storage.linked_records import LinkedRecord

READ_EHR: Final = "read_ehr"
SCOPES: Final = (
    "system/Patient.rs system/Procedure.rs system/MedicationAdministration.rs system/Appointment.rs"
)
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LASTS: Final = timedelta(minutes=4)
# Clocks differ, and a change gets its time before it can be seen.
_OVERLAP: Final = timedelta(hours=1)
_MOST_PAGES: Final = 1000
_REASON: Final = "Corrected in the EHR"
_V3_ROUTES: Final = {
    "IV": Route.IV,
    "IVINJ": Route.IV,
    "IM": Route.IM,
    "SQ": Route.SUBCUTANEOUS,
    "PO": Route.ORAL,
}
_GIVEN: Final = frozenset({"completed", "in-progress"})
_TO_PATIENT: Final = re.compile(r"Patient/[A-Za-z0-9.-]{1,64}")
_OFF: Final = frozenset({"cancelled", "noshow", "entered-in-error"})


@dataclass(slots=True, kw_only=True)
class ReadEhr:
    """What a reading did: how often each, and what it left alone and why."""

    done: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)

    def count(self, what: str) -> None:
        """Count something that was done."""
        self.done[what] = self.done.get(what, 0) + 1

    def leave(self, why: str) -> None:
        """Count something that was left alone."""
        self.left[why] = self.left.get(why, 0) + 1

    @property
    def words(self) -> str:
        """Say it in a sentence: counts and codes, nobody's data."""
        done = ", ".join(f"{count} {what}" for what, count in sorted(self.done.items())) or "nothing new"
        left = ", ".join(f"{count} {why.replace('-', ' ')}" for why, count in sorted(self.left.items()))
        return f"Read: {done}." + (f" Left alone: {left}." if left else "")


async def read_ehr(context: AppContext, clinic_id: UUID, system_id: UUID, *, actor: Actor) -> ReadEhr:
    """Read what changed in a clinic's EHR since it was read without leaving anything.

    Raises:
        NotFoundError: the clinic has no such EHR, or it is not read.
        HostNotNamedError: it names an address at another host.
    """
    async with context.work(clinic_id) as work:
        system = await connected_systems.find(work, system_id)
        begun_at = work.real_now
    if system is None or not system.settings.get("procedure_code") or system.key_sealed is None:
        raise NotFoundError
    reading = _Reading(context, clinic_id, system, actor)
    try:
        await reading.sign_in()
        await reading.read("MedicationAdministration", reading.note_dose)
        await reading.read("Procedure", reading.take_procedure, code=system.settings["procedure_code"])
        await reading.take_doses()
        await reading.read("Appointment", reading.take_appointment)
    except SystemAwayError as error:
        # What was read before is kept; the next reading begins where this one did.
        reading.found.leave(error.code)
    found = reading.found
    async with context.work(clinic_id, actor=actor) as work:
        until = None if found.left else begun_at
        await connected_systems.note_read(work, system, until=until, said=found.words)
        work.audit("connected_system.read", "connected_system", system_id)
    return found


async def queue_reading(work: Work, system_id: UUID) -> None:
    """Have a worker read an EHR, one reading of it at a time.

    Raises:
        NotFoundError: the clinic has no such EHR.
    """
    if await connected_systems.find(work, system_id) is None:
        raise NotFoundError
    work.queue(READ_EHR, lock=f"{READ_EHR} {system_id}", clinic_id=work.clinic_id, system_id=system_id)
    work.audit("connected_system.reading_queued", "connected_system", system_id)


class _Reading:
    """One reading of one EHR."""

    def __init__(self, context: AppContext, clinic_id: UUID, system: ConnectedSystem, actor: Actor) -> None:
        self._context, self._clinic_id, self._system, self._actor = context, clinic_id, system, actor
        self._bearer: dict[str, str] = {}
        # What was given, by the session's id: read before the sessions, which then have it at once.
        self._doses: dict[str, dict[str, Any]] = {}
        self.found = ReadEhr()

    async def sign_in(self) -> None:
        """Get a token for our signed assertion."""
        from joserfc import jwt  # noqa: PLC0415 - takes a third of a second to load; seldom needed
        from joserfc.jwk import ECKey  # noqa: PLC0415 - same

        context, system = self._context, self._system
        known = await fetch_json(
            context, system, f"{system.issuer.rstrip('/')}/.well-known/smart-configuration"
        )
        address, now = known.get("token_endpoint"), context.clock.now()
        if not isinstance(address, str) or system.key_sealed is None:
            raise SystemAwayError
        key = ECKey.import_key(
            json.loads(
                context.vault.open(system.key_sealed, clinic_id=self._clinic_id, row_id=system.id, **KEY_CELL)
            )
        )
        claims = {
            "iss": system.client_id,
            "sub": system.client_id,
            "aud": address,
            "exp": int((now + _LASTS).timestamp()),
            "jti": str(new_id()),
        }
        signed = jwt.encode({"alg": "ES384", "kid": str(system.id)}, claims, key, algorithms=["ES384"])
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": _ASSERTION,
            "client_assertion": signed,
            "scope": SCOPES,
        }
        given = await fetch_json(context, system, address, form=form)
        self._bearer = {"authorization": f"Bearer {given.get('access_token', '')}"}

    async def read(self, kind: str, take: Any, **asked: str) -> None:  # noqa: ANN401 - one of this class's own
        """Take what changed of one type; what cannot be kept is counted, and does not stop the others."""
        if self._system.read_until is not None:
            asked["_lastUpdated"] = f"ge{(self._system.read_until - _OVERLAP).isoformat()}"
        async for resource in self._pages(
            f"{self._system.issuer.rstrip('/')}/{kind}?{urlencode(asked)}", kind
        ):
            try:
                # Before its transaction: nothing is asked of another system while one is open.
                await self._know(_whose(resource))
                async with self._context.work(self._clinic_id, actor=self._actor) as work:
                    done = await take(work, resource)
                self.found.count(done)
            except RefusalError as error:
                if isinstance(error, SystemAwayError):
                    raise
                self.found.leave(error.code)
            except (KeyError, TypeError, ValueError, AttributeError):
                self.found.leave("resource-not-readable")

    async def _pages(self, url: str, kind: str) -> AsyncIterator[Json]:
        for _ in range(_MOST_PAGES):
            bundle = await fetch_json(self._context, self._system, url, headers=self._bearer)
            for entry in bundle.get("entry", []):
                if entry.get("resource", {}).get("resourceType") == kind:
                    yield entry["resource"]
            following = [one["url"] for one in bundle.get("link", []) if one.get("relation") == "next"]
            if not following:
                return
            url = following[0]

    async def take_procedure(self, work: Work, resource: Json) -> str:
        """Take a session as it stands in the EHR."""
        link = await self._link(work, "infusion", resource["id"])
        if _is_old(link, resource):
            return "unchanged"
        gone = resource["status"] not in _GIVEN
        if gone and link is None:
            return "unchanged"
        if gone and link is not None:
            done = await self._void(work, link)
        else:
            patient_id = await self._patient(work, _whose(resource))
            if link is not None and link.patient_id != patient_id:
                await self._void(work, link)
                link = None
            done, record_id = await self._give(work, patient_id, link, resource)
            link = self._new_link(work, "infusion", resource, patient_id, record_id)
        await self._keep(work, link, resource)
        return done

    async def _void(self, work: Work, link: LinkedRecord) -> str:
        if await _believed(work, link) is None:
            return "unchanged"
        await void_infusion(work, link.patient_id, link.record_id, reason=_REASON)
        return "voided"

    async def _give(
        self, work: Work, patient_id: UUID, link: LinkedRecord | None, resource: Json
    ) -> tuple[str, UUID]:
        at = datetime.fromisoformat(resource.get("performedDateTime") or resource["performedPeriod"]["start"])
        if at.tzinfo is None:
            raise ValueError
        if link is None:
            dose = self._doses.get(resource["id"], {})
            given = GivenInfusion(given_at=at, phase=await _phase(work, patient_id, resource), **dose)
            entered = await _confirming(
                lambda confirm: enter_infusion(work, patient_id, replace(given, confirm=confirm))
            )
            return "entered", entered.stored.id
        if await _believed(work, link) is None:
            await restore_infusion(work, patient_id, link.record_id, reason=_REASON)
        changes: dict[str, Any] = {"given_at": at}
        if own := _own_phase(resource):
            changes["phase"] = own
        return await _amended(work, link, changes), link.record_id

    async def note_dose(self, work: Work, resource: Json) -> str:
        """Note what was given in a session."""
        del work
        whole: Json = next(iter(resource.get("partOf", [])), {})
        part = str(whole.get("reference", ""))
        if not part.startswith("Procedure/"):
            return "unchanged"
        dosage = resource.get("dosage", {}) if resource["status"] == "completed" else {}
        dose = dosage.get("dose", {})
        unit = dose.get("code") or dose.get("unit")
        self._doses[part.removeprefix("Procedure/")] = {
            "dose_mg": float(dose["value"]) if unit == "mg" else None,
            "dose_mg_per_kg": float(dose["value"]) if unit == "mg/kg" else None,
            "route": _route(dosage.get("route", {})),
        }
        return "dose read"

    async def take_doses(self) -> None:
        """Correct the doses of sessions that were here before."""
        for session_id, changes in self._doses.items():
            try:
                async with self._context.work(self._clinic_id, actor=self._actor) as work:
                    link = await self._link(work, "infusion", session_id)
                    if link is not None and await _believed(work, link) is not None:
                        self.found.count(await _amended(work, link, changes))
            except RefusalError as error:
                self.found.leave(error.code)

    async def take_appointment(self, work: Work, resource: Json) -> str:
        """Take an appointment that is to come, moved or called off."""
        link = await self._link(work, "appointment", resource["id"])
        if _is_old(link, resource):
            return "unchanged"
        if resource["status"] in _OFF:
            if link is None:
                return "unchanged"
            done = await self._call_off(work, link)
        elif resource["status"] == "booked":
            patient_id = await self._patient(work, _whose(resource))
            done, record_id = await self._plan(work, patient_id, link, resource)
            link = self._new_link(work, "appointment", resource, patient_id, record_id)
        else:
            return "unchanged"
        await self._keep(work, link, resource)
        return done

    async def _call_off(self, work: Work, link: LinkedRecord) -> str:
        every = await appointments.of_patient(work, link.patient_id)
        if not any(one.id == link.record_id and one.state is AppointmentState.PLANNED for one in every):
            return "unchanged"
        await planning.cancel(work, link.patient_id, link.record_id)
        return "canceled"

    async def _plan(
        self, work: Work, patient_id: UUID, link: LinkedRecord | None, resource: Json
    ) -> tuple[str, UUID]:
        patient = await existing(work, patient_id)
        at = datetime.fromisoformat(resource["start"]).astimezone(ZoneInfo(patient.time_zone))
        every = await appointments.of_patient(work, patient_id)
        kept = next((one for one in every if link and one.id == link.record_id), None)
        clock = at.time().replace(second=0, microsecond=0)
        if kept is not None and kept.state is AppointmentState.PLANNED:
            if (kept.on, kept.at) == (at.date(), clock):
                return "unchanged", kept.id
            changes = {"on": at.date(), "at": clock}
            await _confirming(
                lambda confirm: planning.change(
                    work, patient_id, kept.id, changes, version=kept.version, confirm=confirm
                )
            )
            return "moved", kept.id
        if kept is not None and kept.state is AppointmentState.KEPT:
            return "unchanged", kept.id
        planned = PlannedAppointment(
            kind=await self._kind(work, patient_id, resource), on=at.date(), at=clock
        )
        made = await _confirming(
            lambda confirm: planning.plan(work, patient_id, replace(planned, confirm=confirm))
        )
        return "planned", made.id

    async def _kind(self, work: Work, patient_id: UUID, resource: Json) -> AppointmentKind:
        """Say what is planned: a session, if the EHR says so by the same code, else a visit."""
        wanted = self._system.settings["procedure_code"]
        codes = [one for concept in resource.get("serviceType", []) for one in concept.get("coding", [])]
        if not any(f"{one.get('system', '')}|{one.get('code', '')}" == wanted for one in codes):
            return AppointmentKind.VISIT
        return AppointmentKind((await _phase(work, patient_id, resource)).value)

    async def _know(self, external_id: str | None) -> None:
        """See that a patient is linked: found or registered by the chart number that the EHR has."""
        if external_id is None:
            return
        async with self._context.work(self._clinic_id) as work:
            if await self._link(work, "patient", external_id) is not None:
                return
        address = f"{self._system.issuer.rstrip('/')}/Patient/{external_id}"
        person = await fetch_json(self._context, self._system, address, headers=self._bearer)
        number = read_chart_number(
            _chart_number(person, self._system.settings.get("chart_number_system", ""))
        )
        async with self._context.work(self._clinic_id, actor=self._actor) as work:
            patient_id = await patients.find_by_chart_number(work, chart_number_index(work, number))
            if patient_id is None:
                zone = (await clinic_in(work)).time_zone
                made = await register(work, Registration(external_ref=number, time_zone=zone, locale="en-US"))
                patient_id = made.id
                self.found.count("registered")
            await self._keep(work, self._new_link(work, "patient", person, patient_id, patient_id), person)

    async def _patient(self, work: Work, external_id: str | None) -> UUID:
        link = None if external_id is None else await self._link(work, "patient", external_id)
        if link is None:
            raise NotFoundError
        return link.patient_id

    async def _link(self, work: Work, kind: str, external_id: str) -> LinkedRecord | None:
        return await linked_records.find(work, self._system.id, kind, external_digest(work, external_id))

    def _new_link(
        self, work: Work, kind: str, resource: Json, patient_id: UUID, record_id: UUID
    ) -> LinkedRecord:
        return LinkedRecord(
            system_id=self._system.id,
            kind=kind,
            external_digest=external_digest(work, resource["id"]),
            patient_id=patient_id,
            record_id=record_id,
            changed_at=None,
            linked_at=work.real_now,
        )

    async def _keep(self, work: Work, link: LinkedRecord | None, resource: Json) -> None:
        if link is not None:
            link.changed_at = _changed_at(resource)
            await linked_records.keep(work, link)
            work.audit("linked_record.kept", link.kind, link.record_id, patient_id=link.patient_id)


def _whose(resource: Json) -> str | None:
    """Give the EHR's id of the patient whom a session or an appointment to come is about."""
    if resource["resourceType"] == "Procedure" and resource["status"] in _GIVEN:
        named = [resource["subject"]["reference"]]
    elif resource["resourceType"] == "Appointment" and resource["status"] == "booked":
        named = [one.get("actor", {}).get("reference", "") for one in resource["participant"]]
    else:
        return None
    return next((one.removeprefix("Patient/") for one in named if _TO_PATIENT.fullmatch(one)), None)


def _changed_at(resource: Json) -> datetime | None:
    written = resource.get("meta", {}).get("lastUpdated")
    return None if written is None else datetime.fromisoformat(written)


def _is_old(link: LinkedRecord | None, resource: Json) -> bool:
    """Say whether this was read before, or something later was."""
    at = _changed_at(resource)
    return link is not None and link.changed_at is not None and at is not None and at <= link.changed_at


async def _believed(work: Work, link: LinkedRecord) -> StoredInfusion | None:
    return await infusions.find(work, link.patient_id, link.record_id)


async def _amended(work: Work, link: LinkedRecord, changes: Mapping[str, Any]) -> str:
    """Change what differs; the person who entered it in the EHR meant what is unlikely."""
    stored = await _believed(work, link)
    if stored is None:
        raise NotFoundError
    now = {name: getattr(stored if name == "dose_mg" else stored.infusion, name) for name in changes}
    different = {name: value for name, value in changes.items() if now[name] != value}
    if not different:
        return "unchanged"
    await _confirming(
        lambda confirm: amend_infusion(
            work,
            link.patient_id,
            link.record_id,
            InfusionChange(changes=different, reason=_REASON, confirm=confirm),
            version=stored.version,
        )
    )
    return "amended"


async def _confirming(step: Any) -> Any:  # noqa: ANN401 - whatever the step gives
    """Do a step; what it asks about is right, for a person entered it in the EHR."""
    try:
        return await step(())
    except NeedsConfirmationError as asked:
        return await step(tuple(asked.extensions["confirm"]))


async def _phase(work: Work, patient_id: UUID, resource: Json) -> InfusionPhase:
    """Say what a session is for: as the EHR says by our code, else a booster once induction is over."""
    own = _own_phase(resource)
    if own is not None:
        return own
    course = await course_of(work, await existing(work, patient_id))
    is_over = course is not None and course.induction_end is not None
    return InfusionPhase.BOOSTER if is_over else InfusionPhase.INDUCTION


def _own_phase(resource: Json) -> InfusionPhase | None:
    for one in (resource.get("category") or {}).get("coding", []):
        if one.get("system") == f"{OURS}infusion-phase":
            return InfusionPhase(one["code"])
    return None


def _route(concept: Json) -> Route | None:
    for one in concept.get("coding", []):
        if one.get("system") == f"{OURS}route":
            return Route(one["code"])
        if one.get("code") in _V3_ROUTES:
            return _V3_ROUTES[one["code"]]
    return None


def _chart_number(person: Json, system: str) -> str:
    for one in person.get("identifier", []):
        if one.get("value") and system in {"", one.get("system", "")}:
            return str(one["value"])
    raise ValueError
