"""`afterglow simulate`: small, and the same every time."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.cli.command_line import afterglow, afterglow_here
from tests.cli.test_demo import on_terminal

pytestmark = pytest.mark.processes

SMALL = ("simulate", "--patients", "8", "--seeds", "3,4", "--variants", "reference,asked weekly")


def test_the_table_names_seeds_detectors_and_populations_and_is_the_same_again() -> None:
    first, second = afterglow(*SMALL), afterglow(*SMALL)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == second.stdout
    assert "8 simulated patients of each of the seeds 3, 4, pooled; thresholds from seed 101" in first.stdout
    for name in ("mood-only EWMA", "7-day mean", "CUSUM", "true parameters", "asked weekly"):
        assert name in first.stdout


def test_json_page_and_charts_are_written(tmp_path: Path) -> None:
    page, charts = tmp_path / "accuracy.md", tmp_path / "charts"
    ended = afterglow(*SMALL, "--json", "--markdown", str(page), "--chart", str(charts))
    report = json.loads(ended.stdout)
    assert (report["patients"], report["seeds"], report["calibration_seed"]) == (8, [3, 4], 101)
    assert list(report["variants"]) == ["reference", "asked weekly"]
    command = 'afterglow simulate --patients 8 --seeds 3,4 --variants "reference,asked weekly"'
    assert f"`{command}`" in page.read_text()
    for name in ("found-by-day.svg", "false-signals.svg"):
        drawn = ET.parse(charts / name).getroot()  # noqa: S314 - our own file
        assert drawn.find("{http://www.w3.org/2000/svg}title") is not None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--seeds", "1,101"), "101 is kept for"),
        (("--seeds", "one"), "whole numbers"),
        (("--variants", "martians"), "known are: reference"),
        (("--patients", "0"), "--patients"),
    ],
)
def test_what_cannot_be_simulated_is_refused(arguments: tuple[str, str], said: str) -> None:
    ended = afterglow_here("simulate", *arguments)
    assert ended.returncode == 2
    assert said in ended.stderr


def test_a_person_sees_how_far_it_is(tmp_path: Path) -> None:
    with on_terminal(tmp_path, *SMALL) as terminal:
        terminal.read_until("Simulated patients")
        terminal.read_until("/48")
        assert "false watches a year" in terminal.read_until("false watches a year")
