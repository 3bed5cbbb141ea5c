"""What a backtest prints, emits and writes."""

import csv
import json
from math import inf
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from app.clinical.errors import ClinicalError
from app.clinical.protocol import STANDARD
from app.foundation.csv_tables import inert
from app.studies.backtest import backtested
from app.studies.errors import CustomScalesRefusedError, NotJsonError, UnreadableFileError
from app.studies.report_chart import false_signals_svg, found_by_day_svg
from app.studies.reports import (
    COLUMNS,
    NOTHING,
    backtest_json,
    backtest_text,
    markdown,
    percent,
    plain,
    rate,
    written_along,
)
from app.studies.row_problems import FileKind, Problems, RowFault
from app.studies.study_files import custom_scales, protocol_with
from app.studies.tally import measured
from tests.studies.treated_patients import falling_to, patient, steady

RESULTS = [
    backtested(patient(falling_to(3, at=30, until=80), name="=HYPERLINK()", lost_on=29)),
    backtested(patient(steady(80), name="b")),
    backtested(patient({2: 8}, name="c", ends=60, outcome_known=False)),
]
MEASURES = measured(RESULTS)


def refused_rows() -> Problems:
    problems = Problems()
    problems.refuse(FileKind.CHECK_INS, 7, RowFault.NOT_A_NUMBER, "mood")
    return problems


def test_the_json_form_holds_what_the_format_promises() -> None:
    report = json.loads(json.dumps(backtest_json(MEASURES, protocol=STANDARD, problems=refused_rows())))
    assert report["rule"] == "gain-lost 2.0"
    assert (report["patients"], report["with_reference"], report["rule_on"]) == (3, 2, 2)
    assert report["no_reference"] == {"too_few_days": 1}
    assert report["signals"]["by_level"] == {"consider_booster": 1}
    assert report["signals"]["by_criterion"] == {"gain_lost": 1}
    assert report["found"]["share_within_14"] == 1.0
    assert report["false_signals"]["first_a_year"] == 0.0
    assert report["problems"]["first"][0] == {
        "file": "check-ins",
        "line": 7,
        "column": "mood",
        "reason": "is not a number",
    }


def test_a_rate_without_bound_is_null_in_json() -> None:
    everybody = measured([backtested(patient(falling_to(3, at=30, until=80)))])
    assert everybody.false_signals is not None
    assert everybody.false_signals.first_a_year == inf
    report = json.dumps(backtest_json(everybody, protocol=STANDARD), allow_nan=False)
    assert json.loads(report)["false_signals"]["first_a_year"] is None


def test_the_text_says_counts_reasons_and_refused_rows() -> None:
    text = backtest_text(MEASURES, protocol=STANDARD, problems=refused_rows())
    assert "With a reference" in text
    assert "too few days 1" in text
    assert "found within 14 days" in text
    assert "check-ins, line 7: mood is not a number" in text


def test_tables_are_aligned_and_nothing_is_a_dash() -> None:
    assert plain([("a", "n"), ("long name", "12")]) == "a           n\nlong name  12"
    assert markdown([("a", "n"), ("b", "1")]) == "| a | n |\n| --- | ---: |\n| b | 1 |"
    assert (percent(None), rate(None), rate(inf), percent(0.5)) == (NOTHING, NOTHING, "all", "50.0 %")


def test_signals_are_written_as_they_pass_with_formulas_made_inert(tmp_path: Path) -> None:
    path = tmp_path / "signals.csv"
    assert list(written_along(RESULTS, path)) == RESULTS
    with path.open(encoding="utf-8", newline="") as file:
        header, row = csv.reader(file)
    assert tuple(header) == COLUMNS
    written = dict(zip(header, row, strict=True))
    assert written["patient"] == "'=HYPERLINK()"
    assert (written["level"], written["criterion"]) == ("consider_booster", "gain_lost")
    assert float(written["share_lost"]) >= 0.5
    assert written["explanation"].startswith("Consider a booster.")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", "\n=1"])
def test_what_could_begin_a_formula_is_made_inert(text: str) -> None:
    assert inert(text) == f"'{text}"
    assert inert(f"a{text}") == f"a{text}"


def test_signals_cannot_be_written_to_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError):
        list(written_along(RESULTS, tmp_path / "none" / "signals.csv"))


def test_the_charts_are_sound_xml_with_names_escaped() -> None:
    for chart in (found_by_day_svg({"a < b": MEASURES}), false_signals_svg({"a < b": MEASURES})):
        root = ET.fromstring(chart)  # noqa: S314 - our own
        assert "a < b" in "".join(root.itertext())
        assert root.attrib["role"] == "img"


def test_own_scales_and_other_numbers_are_read_from_json(tmp_path: Path) -> None:
    path = tmp_path / "given.json"
    path.write_text('{"consider_at": 0.6}', encoding="utf-8-sig")
    assert protocol_with(path).consider_at == 0.6
    path.write_text(
        '{"bdi": {"name": "BDI", "minimum": 0, "maximum": 63, "higher_is_better": false,'
        ' "remission": 9, "relapse": 17, "days_apart": 5}}',
        encoding="utf-8",
    )
    assert custom_scales(path)["bdi"].relapse == 17


@pytest.mark.parametrize("content", ["", "[1]", "{", "3", '{"a":' * 5000, "\udcff"])
def test_what_is_no_json_object_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "given.json"
    path.write_text(content, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(NotJsonError):
        protocol_with(path)


def test_what_is_no_safe_number_or_usable_scale_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "given.json"
    path.write_text('{"consider_at": 5}', encoding="utf-8")
    with pytest.raises(ClinicalError):
        protocol_with(path)
    path.write_text('{"bdi": {"name": "BDI"}}', encoding="utf-8")
    with pytest.raises(CustomScalesRefusedError) as refused:
        custom_scales(path)
    assert refused.value.details["problems"]
    with pytest.raises(UnreadableFileError):
        custom_scales(tmp_path / "none.json")
