"""`afterglow backtest` on files, as an analyst runs it."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.command_line import PROGRAM, afterglow, afterglow_here, plain_environment

pytestmark = pytest.mark.processes

CHECK_INS = "patient,recorded_at,mood,energy,sleep_quality,sleep_hours"
VALUE = "8.765"


@dataclass(frozen=True)
class Cohort:
    """The files of a small simulated cohort, and how to run a backtest over them."""

    folder: Path

    def backtest(
        self,
        *more: str,
        check_ins: Path | None = None,
        run: Callable[..., subprocess.CompletedProcess[str]] = afterglow_here,
    ) -> subprocess.CompletedProcess[str]:
        return run(
            "backtest",
            *("--check-ins", str(check_ins or self.folder / "check-ins.csv")),
            *("--infusions", str(self.folder / "infusions.csv")),
            *("--outcomes", str(self.folder / "outcomes.csv")),
            *more,
        )

    def with_rows(self, *rows: str) -> Path:
        path = self.folder / "bad.csv"
        path.write_text((self.folder / "check-ins.csv").read_text() + "\n".join([*rows, ""]))
        return path


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    folder = tmp_path_factory.mktemp("cohort")
    made = afterglow_here("simulate", "--patients", "12", "--seeds", "5", "--write-cohort", str(folder))
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("12 simulated patients of seed 5:")
    return Cohort(folder)


def test_the_report_is_printed_and_nothing_else(cohort: Cohort) -> None:
    ended = cohort.backtest(run=afterglow)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("Rule gain-lost 2.0")
    assert "Signals a patient-year" in ended.stdout
    assert "found within 14 days" in ended.stdout


def test_json_and_signals_are_the_same_report_for_programs(cohort: Cohort, tmp_path: Path) -> None:
    ended = cohort.backtest("--json", "--signals-out", str(tmp_path / "signals.csv"))
    assert (ended.returncode, ended.stderr) == (0, "")
    report = json.loads(ended.stdout)
    with (tmp_path / "signals.csv").open(newline="") as file:
        signals = list(csv.DictReader(file))
    assert report["patients"] == 12
    assert len(signals) == report["signals"]["total"] > 0
    assert {row["level"] for row in signals} == {"consider_booster"}
    assert all(row["explanation"].startswith(("Consider", "The booster of")) for row in signals)


def test_other_numbers_and_a_clinic_s_own_scale_are_taken_from_files(cohort: Cohort, tmp_path: Path) -> None:
    (tmp_path / "protocol.json").write_text('{"consider_at": 0.6}')
    scale = {"name": "BDI", "minimum": 0, "maximum": 63, "higher_is_better": False}
    scale |= {"remission": 9, "relapse": 17, "days_apart": 5}
    (tmp_path / "scales.json").write_text(json.dumps({"bdi": scale}))
    first = (cohort.folder / "infusions.csv").read_text().splitlines()[1].split(",")[0]
    (tmp_path / "totals.csv").write_text(
        f"patient,taken_at,scale,total\n{first},2026-01-02T10:00:00Z,bdi,30\n"
    )
    ended = cohort.backtest(
        *("--protocol", str(tmp_path / "protocol.json")),
        *("--scales", str(tmp_path / "scales.json")),
        *("--assessments", str(tmp_path / "totals.csv")),
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("Rule gain-lost 2.0, consider_at=0.6\n")


BAD = [
    (f"x,2026-02-01T20:00:00Z,{VALUE}a,6,5,", "mood is not a number"),
    (f"x,2026-02-01T20:00:00,{VALUE},6,5,", "recorded_at has no offset"),
    (f"x,2026-02-01T20:00:00Z,{VALUE}", "the row does not have as many cells as the header"),
    (f"x,2026-02-01T20:00:00Z,,,,{VALUE}", "no domain is answered"),
]


def test_bad_rows_are_reported_by_line_and_reason_and_never_by_value(cohort: Cohort) -> None:
    lines = len((cohort.folder / "check-ins.csv").read_text().splitlines())
    ended = cohort.backtest(check_ins=cohort.with_rows(*(row for row, _ in BAD)))
    assert (ended.returncode, ended.stderr) == (1, "")
    for number, (_, reason) in enumerate(BAD, lines + 1):
        assert f"check-ins, line {number}: {reason}\n" in ended.stdout
    assert VALUE not in ended.stdout
    assert "Rule gain-lost 2.0" in ended.stdout, "the rest goes on"


def test_every_bad_row_is_reported_and_the_counts_come_last(cohort: Cohort) -> None:
    ended = cohort.backtest(check_ins=cohort.with_rows(*[BAD[0][0]] * 45))
    assert ended.stdout.count("mood is not a number") == 45
    assert ended.stdout.index("Refused rows: 45") < ended.stdout.index("Rule gain-lost 2.0")


def test_bad_rows_are_in_the_json_too(cohort: Cohort) -> None:
    ended = cohort.backtest("--json", check_ins=cohort.with_rows(*(row for row, _ in BAD)))
    problems = json.loads(ended.stdout)["problems"]
    assert (ended.returncode, problems["count"]) == (1, 4)
    assert [one["reason"] for one in problems["first"]] == [
        reason.removeprefix(f"{one['column']} ")
        for (_, reason), one in zip(BAD, problems["first"], strict=True)
    ]


def test_strict_stops_at_the_first_and_reports_nothing(cohort: Cohort) -> None:
    lines = len((cohort.folder / "check-ins.csv").read_text().splitlines())
    ended = cohort.backtest("--strict", check_ins=cohort.with_rows(*(row for row, _ in BAD)))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"line {lines + 1}: mood is not a number" in ended.stderr
    assert VALUE not in ended.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("patient,mood\n", "The first line must name the columns of the format"),
        ("", "The first line must name the columns of the format"),
        (None, "This file cannot be opened or read."),
    ],
)
def test_a_file_that_cannot_be_used_is_said_in_one_sentence(
    cohort: Cohort, tmp_path: Path, content: str | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "check-ins.csv").write_text(content)
    ended = cohort.backtest(check_ins=tmp_path / "check-ins.csv")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"afterglow: {said}")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("protocol", "said"),
    [
        ('{"consider_at": 0.1}', "This number lies outside the bounds within which the rule was examined."),
        ('{"probability": 0.5}', "The protocol has no number of this name."),
        ("0.6", "This file is not a JSON object."),
    ],
)
def test_numbers_that_are_not_safe_are_refused(
    cohort: Cohort, tmp_path: Path, protocol: str, said: str
) -> None:
    (tmp_path / "protocol.json").write_text(protocol)
    ended = cohort.backtest("--protocol", str(tmp_path / "protocol.json"))
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"afterglow: {said}")


def test_a_file_four_times_as_large_takes_hardly_more_memory(tmp_path: Path) -> None:
    """Patients made line by line, 40 of them treated; rows in the order of time, so that nobody's lie together.

    The larger file's 48,000 rows would be 40 MB as objects; one patient is held at a time.
    """
    small, large = (peak_megabytes(*treated_files(tmp_path, patients=count)) for count in (60, 240))
    assert (tmp_path / "check-ins-240.csv").stat().st_size > 5_000_000
    assert large < small * 1.25


def treated_files(folder: Path, *, patients: int) -> tuple[Path, Path]:
    """Check-ins of 200 days a patient, and the infusions of those who were treated."""
    check_ins, infusions = folder / f"check-ins-{patients}.csv", folder / f"infusions-{patients}.csv"
    names = [f"{number:036d}" for number in range(patients)]
    begin = datetime(2024, 1, 1, 20, tzinfo=UTC)
    with infusions.open("w") as file:
        file.write("patient,given_at,phase\n")
        for given in range(14, 26, 2):
            at = (begin + timedelta(days=given)).isoformat()
            file.writelines(f"{name},{at},induction\n" for name in names[:40])
    with check_ins.open("w") as file:
        file.write(f"{CHECK_INS},time_zone\n")
        for day in range(200):
            level, at = 3 if day < 14 else 8, (begin + timedelta(days=day, seconds=day)).isoformat()
            values = f"{level}.125000,{level}.250000,{level}.500000,7.25,America/Argentina/Buenos_Aires"
            file.writelines(f"{name},{at},{values}\n" for name in names)
    return check_ins, infusions


def peak_megabytes(check_ins: Path, infusions: Path) -> float:
    """Run a backtest in a process whose children are measured."""
    measured = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=False, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    )
    command = [str(PROGRAM), "backtest", "--check-ins", str(check_ins), "--infusions", str(infusions)]
    ended = subprocess.run(
        [sys.executable, "-c", measured, *command],
        env=plain_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return float(ended.stdout)
