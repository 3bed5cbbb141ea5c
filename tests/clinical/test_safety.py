"""The trigger that nothing can switch off."""

import pytest

from app.clinical.errors import UnknownNumberError
from app.clinical.protocol_versions import with_numbers
from app.clinical.safety import Urgency, from_check_in, from_item, from_items
from app.clinical.scales import STANDARD_SCALES
from tests.clinical.builders import report

# scale, item, score, what it asks for
TRIGGERS = [
    ("phq-9", 9, 0, None),
    ("phq-9", 9, 1, Urgency.PROMPT),
    ("phq-9", 9, 2, Urgency.PROMPT),
    ("phq-9", 9, 3, Urgency.URGENT),
    ("phq-9", 9, 7, Urgency.URGENT),
    ("phq-9", 9, None, None),
    ("phq-9", 8, 3, None),
    ("qids-sr16", 12, 0, None),
    ("qids-sr16", 12, 1, Urgency.PROMPT),
    ("qids-sr16", 12, 3, Urgency.URGENT),
    ("madrs", 10, 1, None),
    ("madrs", 10, 2, Urgency.PROMPT),
    ("madrs", 10, 3, Urgency.PROMPT),
    ("madrs", 10, 4, Urgency.URGENT),
    ("gad-7", 7, 3, None),
]


@pytest.mark.parametrize(("scale", "item", "score", "urgency"), TRIGGERS)
def test_an_answer_acts_from_its_own_level_on(
    scale: str, item: int, score: float | None, urgency: Urgency | None
) -> None:
    trigger = from_item(scale, item, score)
    assert (trigger.urgency if trigger else None) is urgency


def test_an_incomplete_form_acts() -> None:
    trigger = from_items("phq-9", {9: 2})
    assert trigger is not None
    assert (trigger.source, trigger.item, trigger.score) == ("phq-9", 9, 2)


def test_the_patients_own_statement_is_urgent() -> None:
    silent = report(1, 5)
    assert from_check_in(silent) is None
    spoken = type(silent)(id="a", recorded_at=silent.recorded_at, time_zone="UTC", self_harm_thoughts=True)
    trigger = from_check_in(spoken)
    assert trigger is not None
    assert trigger.urgency is Urgency.URGENT


def test_no_protocol_can_reach_it() -> None:
    with pytest.raises(UnknownNumberError):
        with_numbers({"safety_items": 3})


def test_every_scale_with_a_suicide_item_is_known_by_the_same_number() -> None:
    for scale in STANDARD_SCALES.values():
        acts = scale.suicide_item is not None and from_item(scale.key, scale.suicide_item, 6) is not None
        assert acts is (scale.suicide_item is not None)
