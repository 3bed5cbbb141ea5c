"""Writing a simulated cohort as the files that a backtest reads, so that anybody can run it elsewhere."""

import csv
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from app.clinical.check_ins import CheckIn
from app.studies.cohort import SimulatedCohort
from app.studies.file_formats import CHECK_INS, INFUSIONS, OUTCOMES
from app.studies.patients import StudyPatient
from app.studies.simulated_patient import DAY_STARTS_AT

FILES: Final = {
    "check-ins.csv": CHECK_INS.required,
    "infusions.csv": INFUSIONS.required,
    "outcomes.csv": OUTCOMES.required,
}


def write_cohort(cohort: SimulatedCohort, folder: Path) -> tuple[Path, ...]:
    """Write the cohort's check-ins, infusions and outcomes; patients whose outcome does not count have none.

    The folder must exist; files of these names are replaced.
    """
    paths = tuple(folder / name for name in FILES)
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("w", encoding="utf-8", newline="")) for path in paths]
        writers = [csv.writer(file) for file in files]
        for writer, columns in zip(writers, FILES.values(), strict=True):
            writer.writerow(columns)
        check_ins, infusions, outcomes = writers
        for patient in cohort.patients(0, cohort.size):
            check_ins.writerows(_check_in(patient.name, one) for one in patient.history.check_ins)
            infusions.writerows(
                (patient.name, one.given_at.isoformat(), one.phase.value) for one in patient.history.infusions
            )
            outcomes.writerows(_outcomes(patient))
    return paths


def _check_in(name: str, check_in: CheckIn) -> Iterable[object]:
    values = (None if value is None else f"{value:g}" for value in check_in.values)
    return (name, check_in.recorded_at.isoformat(), *values, check_in.sleep_hours)


def _outcomes(patient: StudyPatient) -> Iterator[tuple[str, str]]:
    if patient.outcome is not None:
        lost_on = patient.outcome.lost_on
        yield patient.name, f"{lost_on}T{DAY_STARTS_AT}" if lost_on else ""
