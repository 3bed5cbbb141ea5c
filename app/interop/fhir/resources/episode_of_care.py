"""EpisodeOfCare: a course of treatment."""

from datetime import date
from typing import Final

from app.access.clinics.permissions import Permission
from app.clinical.check_ins import calendar_day
from app.clinical.course import Course
from app.context import Work
from app.foundation.ids import resource_id
from app.interop.fhir.codes import Json, compact, day, external_identifier, identifier, own_concept
from app.interop.fhir.resource_type import ResourceType, Subject
from app.storage import courses
from app.storage.courses import StoredCourse
from app.storage.record_versions import RecordKind, voided_as


async def _of_patient(work: Work, subject: Subject) -> list[Json]:
    today = calendar_day(work.now, subject.patient.time_zone)
    believed = await courses.stored_courses(work, subject.id)
    voided = await voided_as(work, subject.id, RecordKind.COURSE, courses.from_version)
    return [
        *(_resource(subject, one, _status(one.course, today)) for one in believed),
        *(_resource(subject, one, "entered-in-error") for one in voided),
    ]


def _resource(subject: Subject, stored: StoredCourse, status: str) -> Json:
    course, course_id = stored.course, stored.id
    made = {
        "resourceType": "EpisodeOfCare",
        "id": resource_id(subject.id, course_id),
        "meta": subject.meta(course_id, version=stored.version),
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
