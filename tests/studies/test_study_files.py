"""Files as clinics send them: what is refused, with its line and reason, and that the rest goes on."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from app.clinical.check_ins import check_in_day
from app.clinical.scales import Scale
from app.studies.cohort import SimulatedCohort, write_cohort
from app.studies.csv_rows import LONGEST_LINE
from app.studies.errors import BadRowError, UnreadableFileError, WrongHeaderError
from app.studies.patients import StudyPatient
from app.studies.processes import results_of
from app.studies.row_problems import PROBLEMS_KEPT, Said
from app.studies.study_files import StudyFiles, opened_study

CHECK_INS = "patient,recorded_at,mood,energy,sleep_quality,sleep_hours"
INFUSIONS = "patient,given_at,phase"
ASSESSMENTS = "patient,taken_at,scale,total"
OUTCOMES = "patient,lost_at"
TREATED = "a,2026-03-02T10:00:00+00:00,induction"
REPORTED = "a,2026-03-03T20:00:00+00:00,7,6,5,"
BDI = Scale(key="bdi", name="BDI", minimum=0, maximum=63, remission=9, relapse=17, days_apart=5)


class Read:
    """What came of reading some files: patients, problems and notices as a reader gets them."""

    def __init__(self, folder: Path, rows: Mapping[str, list[str]], *, strict: bool = False) -> None:
        with opened_study(given(folder, rows), strict=strict) as study:
            self.patients: Mapping[str, StudyPatient] = {
                one.name: one for one in study.patients.patients(0, study.patients.size)
            }
        self.problems = [str(problem) for problem in study.problems.first]
        self.count = study.problems.count
        self.said = [(notice.file.value, notice.line, notice.said) for notice in study.problems.notices]


def given(folder: Path, rows: Mapping[str, list[str]]) -> StudyFiles:
    headers = {
        "check_ins": CHECK_INS,
        "infusions": INFUSIONS,
        "assessments": ASSESSMENTS,
        "outcomes": OUTCOMES,
    }
    written: dict[str, Path | None] = {}
    for name, header in headers.items():
        path = folder / f"{name}.csv"
        if name in rows or name in {"check_ins", "infusions"}:
            default = [TREATED] if name == "infusions" else []
            path.write_text("\n".join([header, *rows.get(name, default)]) + "\n", encoding="utf-8")
            written[name] = path
    return StudyFiles(
        check_ins=folder / "check_ins.csv",
        infusions=folder / "infusions.csv",
        assessments=written.get("assessments"),
        outcomes=written.get("outcomes"),
        custom_scales={"bdi": BDI},
    )


BAD_CHECK_INS = [
    ("a,2026-03-03T20:00:00+00:00,seven,6,5,", "mood is not a number"),
    ("a,2026-03-03T20:00:00+00:00,nan,6,5,", "mood is not a number"),
    ("a,2026-03-03T20:00:00+00:00,1_0,6,5,", "mood is not a number"),
    ("a,2026-03-03T20:00:00+00:00,7,1e1,5,", "energy is not a number"),
    ('a,2026-03-03T20:00:00+00:00,7,6,"5,5,5",', "sleep_quality is not a number"),
    ("a,2026-03-03T20:00:00+00:00,11,6,5,", "mood is out of range"),
    ("a,2026-03-03T20:00:00+00:00,7,-1,5,", "energy is out of range"),
    ("a,2026-03-03T20:00:00+00:00,7,6,5,24.5", "sleep_hours is out of range"),
    ("a,2026-03-03T20:00:00+00:00,,,,7", "no domain is answered"),
    ("a,2026-03-03T20:00:00,7,6,5,", "recorded_at has no offset"),
    ("a,2026-03-03,7,6,5,", "recorded_at has no offset"),
    ("a,03.03.2026 20:00,7,6,5,", "recorded_at is not an ISO 8601 time"),
    ("a,,7,6,5,", "recorded_at must not be empty"),
    ("a,2026-03-03T20:00:00+00:00:30,7,6,5,", "recorded_at has an offset that is not of whole minutes"),
    ("a,0001-01-01T00:00:00+14:00,7,6,5,", "recorded_at lies outside the years 1950 to 2200"),
    ("a,9999-12-31T23:59:59-14:00,7,6,5,", "recorded_at lies outside the years 1950 to 2200"),
    (",2026-03-03T20:00:00+00:00,7,6,5,", "patient must not be empty"),
    ("a,2026-03-03T20:00:00+00:00,7,6,5", "the row does not have as many cells as the header"),
    ("a,2026-03-03T20:00:00+00:00,7,6,5,,,", "the row does not have as many cells as the header"),
    ('a,"2026-03-03T20:00:00+00:00,7,6,5,', "the quotes in the row do not match"),
    ("a" * LONGEST_LINE, "the row is too long"),
]


@pytest.mark.parametrize(("row", "reason"), BAD_CHECK_INS)
def test_a_bad_check_in_is_refused_by_line_and_reason_and_the_rest_goes_on(
    tmp_path: Path, row: str, reason: str
) -> None:
    read = Read(tmp_path, {"check_ins": [row, REPORTED]})
    assert read.problems == [f"check-ins, line 2: {reason}"]
    assert len(read.patients["a"].history.check_ins) == 1


@pytest.mark.parametrize(("row", "reason"), BAD_CHECK_INS)
def test_strict_stops_at_the_first(tmp_path: Path, row: str, reason: str) -> None:
    with pytest.raises(BadRowError) as stopped:
        Read(tmp_path, {"check_ins": [REPORTED, row, row]}, strict=True)
    assert str(stopped.value.details["problem"]) == f"check-ins, line 3: {reason}"


@pytest.mark.parametrize(
    ("file", "row", "reason"),
    [
        ("infusions", "a,2026-03-02T10:00:00Z,loading", "line 3: phase is neither induction nor booster"),
        ("infusions", TREATED, "line 3: an earlier row has the same patient and time"),
        ("assessments", "a,2026-04-01T10:00:00Z,hamd,12", "line 2: scale is not a known scale"),
        ("assessments", "a,2026-04-01T10:00:00Z,phq-9,28", "line 2: total is out of range"),
        ("assessments", "a,2026-04-01T10:00:00Z,phq-9,12.5", "line 2: total is not a whole number"),
        ("assessments", "a,2026-04-01T10:00:00Z,phq-9,", "line 2: total must not be empty"),
        (
            "assessments",
            "z,2026-04-01T10:00:00Z,phq-9,12",
            "line 2: patient has neither check-ins nor infusions",
        ),
        ("outcomes", "z,", "line 2: patient has neither check-ins nor infusions"),
        ("outcomes", "a,2026-03-01T10:00:00Z", "line 2: lost_at lies before the first infusion"),
        ("outcomes", "a,soon", "line 2: lost_at is not an ISO 8601 time"),
    ],
)
def test_bad_rows_of_the_other_files(tmp_path: Path, file: str, row: str, reason: str) -> None:
    rows = {"check_ins": [REPORTED], file: [TREATED, row] if file == "infusions" else [row]}
    read = Read(tmp_path, rows)
    assert read.problems == [f"{file}, {reason}"]


def test_a_repeated_row_is_refused_and_the_first_one_kept(tmp_path: Path) -> None:
    other = REPORTED.replace(",7,6,5,", ",1,1,1,")
    read = Read(tmp_path, {"check_ins": [REPORTED, other, REPORTED], "outcomes": ["a,", "a,"]})
    assert read.problems == [
        "check-ins, line 3: an earlier row has the same patient and time",
        "check-ins, line 4: an earlier row has the same patient and time",
        "outcomes, line 3: an earlier row is about the same patient",
    ]
    assert [entry.mood for entry in read.patients["a"].history.check_ins] == [7.0]


@pytest.mark.parametrize("strict", [False, True])
def test_messages_never_hold_a_value(tmp_path: Path, *, strict: bool) -> None:
    private = "Rosalind"
    rows = [f"{private},2026-03-03T20:00:00+00:00,{private},{private},{private},{private}", f"{private}"]
    if strict:
        with pytest.raises(BadRowError) as stopped:
            Read(tmp_path, {"check_ins": rows}, strict=True)
        assert private not in f"{stopped.value} {stopped.value.details}"
    else:
        assert private not in " ".join(Read(tmp_path, {"check_ins": rows}).problems)


@pytest.mark.parametrize(
    ("header", "missing", "repeated"),
    [
        ("patient,mood,energy,sleep_quality,sleep_hours", ("recorded_at",), ()),
        (CHECK_INS.replace(",", "^"), tuple(CHECK_INS.split(",")), ()),
        (f"{CHECK_INS},mood", (), ("mood",)),
        ("", tuple(CHECK_INS.split(",")), ()),
        ("Rosalind,2026-03-03T20:00:00+00:00,7,6,5,", tuple(CHECK_INS.split(",")), ()),
    ],
)
def test_a_wrong_header_is_refused_and_only_our_own_names_are_said(
    tmp_path: Path, header: str, missing: tuple[str, ...], repeated: tuple[str, ...]
) -> None:
    files = given(tmp_path, {})
    files.check_ins.write_text(f"{header}\n{REPORTED}\n", encoding="utf-8")
    with pytest.raises(WrongHeaderError) as refused, opened_study(files):
        pass
    separators = {"separated_by": "commas", "cells": header.count(",") + 1}
    assert (
        refused.value.details == {"file": "check-ins", "missing": missing, "repeated": repeated} | separators
    )


def test_columns_in_any_order_any_case_and_with_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    files = given(tmp_path, {})
    files.check_ins.write_bytes(
        b"\xef\xbb\xbfMood,patient,energy,sleep_hours,recorded_at,sleep_quality,time_zone,note\r\n"
        b" 7 , a ,,7.25,2026-03-04T01:30:00+00:00,5.5,America/New_York,x\r\n\r\n,,,,,,,\r\n"
    )
    with opened_study(files) as study:
        (one,) = study.patients.patients(0, 1)
    (entry,) = one.history.check_ins
    assert (entry.mood, entry.energy, entry.sleep_quality, entry.sleep_hours) == (7.0, None, 5.5, 7.25)
    assert str(check_in_day(entry.recorded_at, entry.time_zone)) == "2026-03-03"
    assert one.history.time_zone == "America/New_York"
    assert study.problems.count == 0
    assert [notice.said for notice in study.problems.notices] == [Said.COLUMNS_LEFT_OUT]


QUOTED = 'a,2026-03-03T20:00:00+00:00,"7,5",6,5,,"one\nline, and another"'
OF_OTHERS = {
    "semicolons and decimal commas": (
        f"{CHECK_INS};note".replace(",", ";") + '\na;2026-03-03T20:00:00+00:00;7,5;6;5;;"one\n;two"\n',
        "utf-8",
        {Said.SEMICOLONS, Said.DECIMAL_COMMAS},
    ),
    "tabs in UTF-16 with its mark": (
        f"{CHECK_INS}\tnote\r\n{REPORTED.replace(',7,', ',7.5,')}\tx\r\n".replace(",", "\t"),
        "utf-16",
        {Said.TABS, Said.UTF_16},
    ),
    "UTF-16 without a mark": (
        f"{CHECK_INS},note\n{QUOTED}\n",
        "utf-16-le",
        {Said.UTF_16, Said.DECIMAL_COMMAS},
    ),
    "a line that names the separator": (
        f"sep=|\n{CHECK_INS}|note\na|2026-03-03T20:00:00+00:00|7.5|6|5||x\n".replace(",", "|"),
        "utf-8-sig",
        {Said.BARS},
    ),
    "a quoted line end in a column that is not ours": (
        f"{CHECK_INS},note\n{QUOTED}\n",
        "utf-8",
        {Said.DECIMAL_COMMAS},
    ),
}


@pytest.mark.parametrize("way", OF_OTHERS)
def test_what_other_programs_write_is_read_and_it_is_said_what_was_seen(tmp_path: Path, way: str) -> None:
    text, encoding, seen = OF_OTHERS[way]
    files = given(tmp_path, {})
    files.check_ins.write_bytes(text.encode(encoding))
    with opened_study(files) as study:
        (one,) = study.patients.patients(0, 1)
    assert [entry.values for entry in one.history.check_ins] == [(7.5, 6, 5)]
    assert study.problems.count == 0
    assert {notice.said for notice in study.problems.notices} == seen | {Said.COLUMNS_LEFT_OUT}


def test_quotes_that_are_never_closed_cost_their_own_lines_in_a_file_full_of_them(tmp_path: Path) -> None:
    bad = 'a,"2026-03-03T20:00:00+00:00,7,6,5,'
    read = Read(tmp_path, {"check_ins": [bad] * 200 + [REPORTED]})
    assert read.count == 200
    assert len(read.patients["a"].history.check_ins) == 1


def test_bytes_that_are_no_utf_8_cost_their_own_line(tmp_path: Path) -> None:
    files = given(tmp_path, {})
    files.check_ins.write_bytes(f"{CHECK_INS}\n{REPORTED}\n".encode() + b"\xff\xfe,x,1,1,1,\n")
    with opened_study(files) as study:
        assert [str(one) for one in study.problems.first] == ["check-ins, line 3: the row is not UTF-8"]
        assert study.patients.size == 1


def test_an_unknown_zone_is_refused(tmp_path: Path) -> None:
    files = given(tmp_path, {})
    files.check_ins.write_text(f"{CHECK_INS},time_zone\n{REPORTED},Mars/Olympus\n", encoding="utf-8")
    with opened_study(files) as study:
        assert [str(one) for one in study.problems.first] == [
            "check-ins, line 2: time_zone is not an IANA time zone"
        ]


def test_without_a_zone_the_day_follows_the_offset(tmp_path: Path) -> None:
    read = Read(tmp_path, {"check_ins": ["a,2026-03-04T03:30:00-05:00,7,6,5,"]})
    (entry,) = read.patients["a"].history.check_ins
    assert entry.time_zone == "-05:00"
    assert str(check_in_day(entry.recorded_at, entry.time_zone)) == "2026-03-03"


def test_a_file_that_is_all_wrong_is_counted_and_its_first_problems_kept(tmp_path: Path) -> None:
    read = Read(tmp_path, {"check_ins": ["a,b,c,d,e,f"] * (PROBLEMS_KEPT + 5)})
    assert read.count == PROBLEMS_KEPT + 5
    assert len(read.problems) == PROBLEMS_KEPT


def test_the_planned_count_is_the_number_of_induction_rows(tmp_path: Path) -> None:
    rows = [f"a,2026-03-0{day}T10:00:00Z,induction" for day in (2, 4, 6)]
    read = Read(tmp_path, {"infusions": [*rows, "a,2026-04-06T10:00:00Z,booster"]})
    course = read.patients["a"].history.course
    assert course is not None
    assert course.planned_infusions == 3
    assert str(course.started_on) == "2026-03-02"


def test_impossible_courses_are_put_in_order_and_it_is_said(tmp_path: Path) -> None:
    read = Read(
        tmp_path,
        {
            "check_ins": ["d,2026-03-03T20:00:00Z,7,6,5,"],
            "infusions": [
                "a,2026-03-04T10:00:00Z,induction",
                "a,2026-03-02T10:00:00Z,induction",
                "b,2026-03-01T10:00:00Z,booster",
                "b,2026-03-02T10:00:00Z,induction",
                "b,2026-03-09T10:00:00Z,booster",
                "b,2026-03-20T10:00:00Z,induction",
                "c,2026-03-02T10:00:00Z,booster",
            ],
        },
    )
    assert sorted(read.said) == sorted(
        [
            ("infusions", 3, Said.REORDERED),
            ("infusions", 4, Said.BOOSTER_FIRST),
            ("infusions", 7, Said.INDUCTION_AFTER_BOOSTER),
            ("infusions", 8, Said.NO_INDUCTION),
            ("check-ins", 2, Said.NO_INFUSION),
        ]
    )
    assert [str(one.given_at.date()) for one in read.patients["a"].history.infusions] == [
        "2026-03-02",
        "2026-03-04",
    ]


def test_totals_of_a_clinic_s_own_scale_are_taken(tmp_path: Path) -> None:
    read = Read(
        tmp_path, {"assessments": ["a,2026-04-01T10:00:00Z,bdi,12.5", "a,2026-04-01T10:00:00Z,phq-9,12"]}
    )
    totals = {entry.scale.key: entry.totals for entry in read.patients["a"].history.assessments}
    assert [total.total for total in totals["bdi"]] == [12.5]
    assert [total.total for total in totals["phq-9"]] == [12.0]


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    files = StudyFiles(check_ins=tmp_path / "none.csv", infusions=tmp_path / "none.csv")
    with pytest.raises(UnreadableFileError), opened_study(files):
        pass


def test_the_sorted_rows_are_gone_at_the_end(tmp_path: Path) -> None:
    with opened_study(given(tmp_path, {}), folder=tmp_path) as study:
        spill = study.patients.spill
        assert spill.exists()
        assert spill.parent.stat().st_mode & 0o077 == 0
    assert not spill.parent.exists()


def test_a_cohort_written_to_files_and_shuffled_gives_what_it_gives_directly(tmp_path: Path) -> None:
    cohort = SimulatedCohort(size=6, seed=13)
    check_ins, infusions, outcomes = write_cohort(cohort, tmp_path)
    header, *rows = check_ins.read_text(encoding="utf-8").splitlines()
    check_ins.write_text("\n".join([header, *rows[::-1]]), encoding="utf-8")
    files = StudyFiles(check_ins=check_ins, infusions=infusions, outcomes=outcomes)
    with opened_study(files) as study:
        assert list(results_of(study.patients, processes=1)) == list(results_of(cohort, processes=1))
        assert study.problems.count == 0
