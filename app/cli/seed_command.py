"""``afterglow seed``: synthetic patients in a clinic in test mode, to try things with; nobody real is among them."""

from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import typer

from app.access.clinics.queries import clinic_in
from app.care.patients.schemas import PatientRegistration
from app.care.treatment.course_schemas import CourseEntry
from app.care.treatment.infusion_schemas import InfusionEntry
from app.cli.demo_clinic import DOMAINS, PATIENTS, PLANNED_INFUSIONS, PatientStory
from app.cli.options import AsJson, DataDir, Guard, print_json
from app.cli.runtime import in_context
from app.context import AppContext
from app.foundation.audit import OPERATOR
from app.foundation.errors import NotFoundError, OperatorError
from app.imports.clinic_files import Counted, Newcomer
from app.imports.taking_on import Importing
from app.storage.clinics import UnknownClinicError
from app.studies.file_formats import CHECK_INS

_ZONE: Final = "America/New_York"
_NOON: Final = time(17, tzinfo=UTC)


class ClinicIsLiveError(OperatorError):
    """The clinic is live: nobody who does not exist gets among its patients."""


def add_commands(app: typer.Typer, guard: Guard) -> None:
    """Add the command."""
    app.command("seed")(guard(seed))


def seed(
    clinic: Annotated[UUID, typer.Option("--clinic", help="The clinic's id; it must be in test mode.")],
    patients: Annotated[int, typer.Option(min=1, max=100_000, help="How many.")] = len(PATIENTS),
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Register synthetic patients with courses and check-ins, in a clinic in test mode; once a day, not twice."""
    # Yesterday: none of their reports may lie in the future of any zone.
    noon = datetime.combine(datetime.now(UTC).date() - timedelta(days=1), _NOON)
    newcomers = [
        _newcomer(PATIENTS[number % len(PATIENTS)], f"S-{noon:%Y%m%d}-{number + 1}", number, noon)
        for number in range(patients)
    ]
    done = Counted()

    async def seeded(context: AppContext) -> None:
        async with context.work(clinic, actor=OPERATOR) as work:
            try:
                mode = (await clinic_in(work)).mode
            except NotFoundError:
                raise UnknownClinicError(UnknownClinicError.__doc__) from None
        if mode != "test":
            raise ClinicIsLiveError(ClinicIsLiveError.__doc__)
        await Importing(context=context, clinic_id=clinic).import_all(newcomers, done)

    in_context(data_dir, seeded)
    if as_json:
        print_json({"patients": done.patients, "check_ins": done.check_ins, "refused": done.refused})
    else:
        typer.echo(f"{done.patients} synthetic patients with {done.check_ins} check-ins.")
    if done.refused:
        raise typer.Exit(1)


def _newcomer(story: PatientStory, reference: str, number: int, now: datetime) -> Newcomer:
    times = story.infusion_times(now)
    given: dict[str, Any] = {"phase": "induction", "dose_mg_per_kg": 0.5, "route": "iv"}
    course = {
        "protocol": "standard",
        "planned_infusions": PLANNED_INFUSIONS,
        "started_on": times[0].astimezone(ZoneInfo(_ZONE)).date().isoformat(),
    }
    registration = {"external_ref": reference, "time_zone": _ZONE, "locale": "en-US"}
    return Newcomer(
        line=number + 1,
        registration=PatientRegistration.model_validate(registration, strict=False),
        course=CourseEntry.model_validate(course, strict=False),
        reference=None,
        infusions=[
            InfusionEntry.model_validate(given | {"given_at": at.isoformat()}, strict=False) for at in times
        ],
        check_ins=[
            dict.fromkeys(CHECK_INS.columns, "")
            | {"recorded_at": at.isoformat(), **dict(zip(DOMAINS, map(str, scores), strict=True))}
            for at, scores in (*story.imported(now), *story.sent_by_phone(now))
        ],
    )
