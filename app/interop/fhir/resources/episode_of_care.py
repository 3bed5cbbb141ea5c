"""EpisodeOfCare: a course of treatment."""

from datetime import date
from typing import Final
from uuid import UUID

from app.access.clinics.permissions import Permission
from app.clinical.check_ins import calendar_day
from app.clinical.course import Course
from app.context import Work
from app.foundation.ids import resource_id
from app.interop.fhir.codes import Json, compact, day, external_identifier, identifier, own_concept
from app.interop.fhir.resource_type import ResourceType, Subject
from app.storage import courses, record_versions
from app.storage.courses import COURSE_CONTENT, StoredCourse
from app.storage.record_versions import RecordKind


async def _of_patient(work: Work, subject: Subject) -> list[Json]:
    today = calendar_day(work.now, subject.patient.time_zone)
    believed = [(one, one.version, True) for one in await courses.stored_courses(work, subject.id)]
    voided = [
        (COURSE_CONTENT.validate_python(one.content), one.version + 1, False)
        for one in await record_versions.voided(work, subject.id, RecordKind.COURSE)
    ]
    return [
        _resource(subject, stored, version, _status(stored.course, today) if active else "entered-in-error")
        for stored, version, active in [*believed, *voided]
    ]


def _resource(subject: Subject, stored: StoredCourse, version: int, status: str) -> Json:
    course, course_id = stored.course, UUID(stored.course.id)
    made = {
        "resourceType": "EpisodeOfCare",
        "id": resource_id(subject.id, course_id),
        "meta": subject.meta(course_id, version=version),
        "identifier": [
            identifier("course", course_id),
            *external_identifier(stored.source, stored.external_id),
        ],
        "status": status,
        "type": [own_concept("course", course.protocol)],
        "patient": subject.reference,
        "period": compact({"start": day(course.started_on), "end": day(course.closed_on)}),
    }
    return compact(made)


def _status(course: Course, today: date) -> str:
    over = course.closed_on
    if over is not None and over <= today:
        return "finished"
    return "planned" if course.started_on > today else "active"


EPISODE_OF_CARE: Final = ResourceType(
    name="EpisodeOfCare",
    permission=Permission.TREATMENT_READ,
    noun="courses",
    documentation="A course of treatment, with its protocol as the type.",
    of_patient=_of_patient,
    dates={"date": "period"},
    tokens={"status": "status", "type": "type", "identifier": "identifier"},
    patient="patient",
)
