"""Patients as the sorted files have them, read one at a time by whichever process runs them."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from app.clinical.check_ins import CheckIn, check_in_day
from app.clinical.course import Course, Infusion, InfusionPhase, Route
from app.clinical.domains import REPORTED_NUMBERS
from app.clinical.history import History, ScaleTotals
from app.clinical.scales import AssessmentTotal, Scale
from app.studies.patients import Outcome, StudyPatient

Row = tuple[Any, ...]

_CHECK_INS: Final = (
    f"SELECT line, at, offset, zone, {', '.join(REPORTED_NUMBERS)} FROM check_ins"  # noqa: S608 - names of our own
    " WHERE patient = ? ORDER BY at"
)
_INFUSIONS: Final = "SELECT line, at, offset, phase, dose, route FROM infusions WHERE patient = ? ORDER BY at"
_TOTALS: Final = "SELECT scale, at, offset, total FROM totals WHERE patient = ? ORDER BY scale, at"
_OUTCOMES: Final = "SELECT at, offset FROM outcomes WHERE patient = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePatients:
    """The patients of a sorted spill; it may travel to other processes, which read the file themselves.

    Attributes:
        spill: the sorted file.
        size: how many patients it has.
        ends_at: the last moment in any of the files; everybody is followed until then.
        scales: every scale that a total may be of.
    """

    spill: Path
    size: int
    ends_at: datetime | None
    scales: Mapping[str, Scale]

    def patients(self, first: int, past_last: int) -> Iterator[StudyPatient]:
        """The patients numbered from `first` up to and without `past_last`, by name."""
        with closing(sqlite3.connect(f"{self.spill.as_uri()}?mode=ro", uri=True)) as connection:
            names = connection.execute(
                "SELECT name FROM patients WHERE number >= ? AND number < ? ORDER BY number",
                (first, past_last),
            ).fetchall()
            for (name,) in names:
                yield self._patient(connection, name)

    def _patient(self, connection: sqlite3.Connection, name: str) -> StudyPatient:
        def rows(query: str) -> list[Row]:
            return connection.execute(query, (name,)).fetchall()

        infusions = tuple(_infusion(row) for row in rows(_INFUSIONS))
        check_ins = tuple(_check_in(row) for row in rows(_CHECK_INS))
        outcomes = rows(_OUTCOMES)
        return StudyPatient(
            name=name,
            history=History(
                time_zone=_present_zone(check_ins, infusions),
                course=_course(name, infusions),
                infusions=infusions,
                check_ins=check_ins,
                assessments=tuple(_totals(rows(_TOTALS), self.scales)),
            ),
            ends_at=self.ends_at,
            outcome=_outcome(outcomes[0]) if outcomes else None,
        )


@lru_cache(maxsize=256)
def zone_name(offset: int) -> str:
    """An offset in minutes as the core takes it: "+02:00"."""
    hours, minutes = divmod(abs(offset), 60)
    return f"{'-' if offset < 0 else '+'}{hours:02d}:{minutes:02d}"


@lru_cache(maxsize=256)
def _fixed(offset: int) -> timezone:
    return timezone(timedelta(minutes=offset))


def _at(seconds: float, offset: int) -> datetime:
    return datetime.fromtimestamp(seconds, _fixed(offset))


def _check_in(row: Row) -> CheckIn:
    line, at, offset, zone, *numbers = row
    return CheckIn(
        id=f"{line:012d}",
        recorded_at=_at(at, offset),
        time_zone=zone or zone_name(offset),
        **dict(zip(REPORTED_NUMBERS, numbers, strict=True)),
    )


def _infusion(row: Row) -> Infusion:
    """Its day is the one of the clinic's clock, whatever the patient's zone is."""
    line, at, offset, phase, dose, route = row
    return Infusion(
        id=f"{line:012d}",
        given_at=_at(at, offset),
        phase=InfusionPhase(phase),
        dose_mg_per_kg=dose,
        route=Route(route) if route else None,
        time_zone=zone_name(offset),
    )


def _totals(rows: Iterable[Row], scales: Mapping[str, Scale]) -> Iterator[ScaleTotals]:
    by_scale: dict[str, list[AssessmentTotal]] = {}
    for key, at, offset, total in rows:
        by_scale.setdefault(key, []).append(AssessmentTotal(_at(at, offset), total))
    for key, totals in by_scale.items():
        yield ScaleTotals(scale=scales[key], totals=tuple(totals))


def _outcome(row: Row) -> Outcome:
    at, offset = row
    return Outcome(None if at is None else check_in_day(_at(at, offset), zone_name(offset)))


def _present_zone(check_ins: Sequence[CheckIn], infusions: Sequence[Infusion]) -> str:
    if check_ins:
        return check_ins[-1].time_zone
    return (infusions[-1].time_zone if infusions else None) or zone_name(0)


def _course(name: str, infusions: Sequence[Infusion]) -> Course | None:
    """The planned count is the number of induction rows; what came before the first is an earlier course."""
    series = [one for one in infusions if one.phase is InfusionPhase.INDUCTION]
    if not series:
        return None
    return Course(
        id=name,
        protocol="imported",
        planned_infusions=len(series),
        started_on=series[0].day(zone_name(0)),
    )
