"""One disclosure in thousands of spellings is never missed, and what is harmless is hardly ever taken for one."""

import os
from typing import Final

from app.care.disclosures.detector import Heard, disclosures_in
from tests.support.disclosures import Sent, damaged, disclosing, harmless

# make test-long and make campaign take 10,000.
EACH: Final = int(os.environ.get("AFTERGLOW_TEST_DISCLOSURES", "1500"))
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
