"""One disclosure in thousands of spellings is never missed, and what is harmless is hardly ever taken for one."""

from typing import Final

import pytest

from app.care.disclosures.detector import Heard, disclosures_in
from tests.support.budget import budget
from tests.support.disclosures import Sent, damaged, disclosing, harmless

EACH: Final = budget(1500, long=10_000)
# Of ten thousand damaged bodies, so many may be taken for a disclosure.
FALSE_ALARMS: Final = 10


def heard_in(sent: Sent) -> Heard:
    return disclosures_in(
        sent.body, content_type=sent.content_type, content_encoding=sent.content_encoding, path=sent.path
    )


def test_no_way_of_writing_a_disclosure_is_missed() -> None:
    missed = [(seed, disclosing(seed)) for seed in range(EACH) if not heard_in(disclosing(seed))]
    assert not missed, f"{len(missed)} of {EACH} missed, the first: {missed[0]}"


def test_one_report_is_one_disclosure_however_it_is_written() -> None:
    for seed in range(EACH):
        assert len(heard_in(disclosing(seed)).disclosures) == 1, disclosing(seed)


def test_what_a_schema_can_read_raises_no_false_alarm() -> None:
    for seed in range(EACH):
        heard = heard_in(harmless(seed))
        assert not heard, harmless(seed)
        assert heard.plain


def test_damage_hardly_ever_makes_a_disclosure_of_what_is_none() -> None:
    false_alarms = [damaged(seed) for seed in range(EACH) if heard_in(damaged(seed))]
    assert len(false_alarms) <= FALSE_ALARMS * EACH / 10_000, (len(false_alarms), false_alarms[:3])


@pytest.mark.parametrize(
    "body",
    [
        '{"mood": 5, "self_harm_thoughts": fa:lse}',
        '{"mood": 5, "self_harm_thoughts": f:alse}',
        '{"mood": 5, "self_harm_thoughts": fals}e}',
        '{"mood": 5, "self_harm_thoughts": fa{lse}',
        '{"scale": "phq-9", "items": [2:, 2, 2, 1, 1, 2, 1, 3, 0], "total": 14}',
        '{"scale": "phq-9", "items": [0, 3, 0, 1, 2, 3, 0, {2, 0], "total": 11}',
    ],
)
def test_a_character_too_many_makes_no_yes_of_a_no_and_moves_no_answer(body: str) -> None:
    assert not heard_in(Sent(body.encode()))


@pytest.mark.parametrize(
    "body",
    [
        '{"mood": 5, "self_harm_thoughts": tr:ue}',
        '{"mood": 5, "self_harm_thoughts": tru}e}',
        '{"scale": "phq-9", "items": [2:, 2, 2, 1, 1, 2, 1, 3, 1], "total": 15}',
        '{"scale": "phq-9", "items": [0, 0, 0, 0, 0, 0, 0, 0, {2], "total": 2}',
        '{"scale": "phq-9", "items": [{"id": 9, "answer": 2], "note": "x"',
    ],
)
def test_a_character_too_many_hides_no_disclosure(body: str) -> None:
    assert heard_in(Sent(body.encode()))


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("[", "]"),
        ('{"mood":', "}"),
        ('{"mood": [', "]}"),
        ('[{"a": [', "]}]"),
        pytest.param("[0, ", "]", marks=pytest.mark.slow),
        ("[", ""),
        ("{", "]"),
    ],
)
@pytest.mark.parametrize("end", ["", "}", "]"])
def test_what_is_nested_ever_deeper_hides_no_disclosure_in_it_before_it_or_behind_it(
    opening: str, closing: str, end: str
) -> None:
    said, denied = '"self_harm_thoughts": true', '"self_harm_thoughts": false'

    def heard(before: str, within: str, behind: str) -> Heard:
        nested = opening * 70_000 + within + closing * 70_000
        return heard_in(Sent(f'{{{before}, "x": {nested}, {behind}{end}'.encode()))

    assert heard(said, "5", denied)
    assert heard(denied, f"{{{said}}}", denied)
    assert heard(denied, "5", said)
    assert not heard(denied, f"{{{denied}}}", denied)
