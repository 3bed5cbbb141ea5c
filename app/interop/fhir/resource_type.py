"""What the service knows of a resource type: who may read it, where it comes from, by what it is searched."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.access.clinics.permissions import Permission
from app.context import Work
from app.interop.fhir.codes import Json, coding, instant, to_patient
from app.storage import audit_log
from app.storage.patients import PatientRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The patient whose resources are made, and when each of the patient's records changed last."""

    patient: PatientRecord
    changed: Mapping[UUID, datetime]

    @property
    def id(self) -> UUID:
        """The patient's id."""
        return self.patient.id

    @property
    def reference(self) -> Json:
        """The Reference to the patient."""
        return to_patient(self.patient.id)

    def meta(self, record_id: UUID, made_at: datetime | None = None, version: int | None = None) -> Json:
        """Make a resource's meta; what is about a patient of test mode is labeled so.

        ``made_at``: when it was made, for records that came with a copy and have no line of this audit log.
        """
        known = [one for one in (made_at, self.changed.get(record_id)) if one is not None]
        made: Json = {"lastUpdated": instant(max(known, default=self.patient.registered_at))}
        if version is not None:
            made["versionId"] = str(version)
        if self.patient.mode == "test":
            label = coding("http://terminology.hl7.org/CodeSystem/v3-ActReason", "HTEST", "test health data")
            made["security"] = [label]
        return made


async def subject_of(work: Work, patient: PatientRecord) -> Subject:
    """Give a patient as the maker of resources needs them."""
    return Subject(patient=patient, changed=await audit_log.changes_of_patient(work, patient.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """A resource type as this service has it.

    Attributes:
        name: FHIR's name of it.
        permission: what its reader must be allowed.
        noun: what the audit log calls it.
        of_patient: gives all of one patient's; None: it is about no patient.
        of_clinic: gives the clinic's, where it is about no patient.
        dates: search parameters for a date, each with the element that it looks at.
        tokens: search parameters for a code or an identifier, each with its element.
        patient: the element that refers to the patient; None: it is the patient, or about none.
        writable: whether one can be created.
        in_copies: whether a copy of the clinic's records holds it.
        documentation: what its reader should know, for the CapabilityStatement.
    """

    name: str
    permission: Permission
    noun: str
    documentation: str
    of_patient: Callable[[Work, Subject], Awaitable[list[Json]]] | None = None
    of_clinic: Callable[[Work], Awaitable[list[Json]]] | None = None
    dates: Mapping[str, str] = field(default_factory=dict)
    tokens: Mapping[str, str] = field(default_factory=dict)
    patient: str | None = None
    writable: bool = False
    in_copies: bool = True
