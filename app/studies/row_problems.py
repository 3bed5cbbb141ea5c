"""What can be wrong with a row, and what was done with rows that could be read another way.

A problem names its file, its line, its column and a reason, and never a value: any value may be health
data, and what a command prints ends up in logs and screenshots.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from app.studies.errors import BadRowError

PROBLEMS_KEPT: Final = 1000
"""Of each kind of message the first so many are kept and the rest only counted: a file can be all wrong."""


class FileKind(StrEnum):
    """The files of a study, as they are called in messages."""

    CHECK_INS = "check-ins"
    INFUSIONS = "infusions"
    ASSESSMENTS = "assessments"
    OUTCOMES = "outcomes"
    PATIENTS = "patients"


class RowFault(StrEnum):
    """Why a row was refused; the text follows the name of the column, where there is one."""

    CELL_COUNT = "the row does not have as many cells as the header"
    NOT_UTF8 = "the row is not UTF-8"
    TOO_LONG = "the row is too long"
    BAD_QUOTES = "the quotes in the row do not match"
    EMPTY = "must not be empty"
    NOT_A_TIME = "is not an ISO 8601 time"
    NO_OFFSET = "has no offset"
    ODD_OFFSET = "has an offset that is not of whole minutes"
    TIME_FAR_AWAY = "lies outside the years 1950 to 2200"
    NOT_A_NUMBER = "is not a number"
    OUT_OF_RANGE = "is out of range"
    NOT_WHOLE = "is not a whole number"
    NO_DOMAIN = "no domain is answered"
    UNKNOWN_ZONE = "is not an IANA time zone"
    UNKNOWN_PHASE = "is neither induction nor booster"
    UNKNOWN_ROUTE = "is not a known route"
    UNKNOWN_SCALE = "is not a known scale"
    UNKNOWN_PATIENT = "has neither check-ins nor infusions"
    REPEATED = "an earlier row has the same patient and time"
    REPEATED_OUTCOME = "an earlier row is about the same patient"
    LOST_BEFORE_TREATMENT = "lies before the first infusion"

    @property
    def message(self) -> str:
        """The message, with a place for the name of the column where it is about one cell."""
        return f"{{column}} {self}" if self.startswith(("has ", "is ", "lies ", "must ")) else self.value


class Said(StrEnum):
    """What was done with a row or a course that was taken although it is unusual."""

    REORDERED = "infusions were not in order of time; they were put in order"
    BOOSTER_FIRST = "a booster before the first induction infusion counts for exposure only"
    INDUCTION_AFTER_BOOSTER = "an induction infusion after a booster: the reference is taken again after it"
    NO_INDUCTION = "the patient has boosters but no induction infusion, so no reference"
    NO_INFUSION = "the patient has check-ins but no infusion, so no reference"
    COLUMNS_LEFT_OUT = "columns that the format does not have were left out"
    SEMICOLONS = "cells are separated by semicolons"
    TABS = "cells are separated by tabs"
    BARS = "cells are separated by bars"
    UTF_16 = "the text is UTF-16"
    DECIMAL_COMMAS = "numbers with a decimal comma were read"


SEEN_SEPARATORS: Final = {";": Said.SEMICOLONS, "\t": Said.TABS, "|": Said.BARS}


@dataclass(frozen=True, slots=True)
class RowProblem:
    """One refused row."""

    file: FileKind
    line: int
    fault: RowFault
    column: str | None = None

    def __str__(self) -> str:
        """The problem as a line: "check-ins, line 7: mood is not a number"."""
        subject = f"{self.column} " if self.column else ""
        return f"{self.file}, line {self.line}: {subject}{self.fault}"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that was noticed and taken; `line` is the first row that it is about."""

    file: FileKind
    line: int
    said: Said

    def __str__(self) -> str:
        """The notice as a line."""
        return f"{self.file}, line {self.line}: {self.said}"


@dataclass(slots=True)
class Problems:
    """The problems and notices of a study while its files are read; the first ones and the counts.

    With `strict` the first problem ends the reading.
    """

    strict: bool = False
    first: list[RowProblem] = field(default_factory=list)
    count: int = 0
    by_fault: Counter[RowFault] = field(default_factory=Counter)
    notices: list[Notice] = field(default_factory=list)
    notice_count: int = 0

    def refuse(self, file: FileKind, line: int, fault: RowFault, column: str | None = None) -> None:
        """Note a refused row.

        Raises:
            BadRowError: with `strict`.
        """
        problem = RowProblem(file, line, fault, column)
        self.count += 1
        self.by_fault[fault] += 1
        if len(self.first) < PROBLEMS_KEPT:
            self.first.append(problem)
        if self.strict:
            raise BadRowError(problem=problem)

    def say(self, file: FileKind, line: int, said: Said) -> None:
        """Note what was taken although it is unusual."""
        self.notice_count += 1
        if len(self.notices) < PROBLEMS_KEPT:
            self.notices.append(Notice(file, line, said))
