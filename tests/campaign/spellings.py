"""One disclosure in thousands of spellings, and as many harmless requests, valid and damaged."""

from app.care.disclosures.detector import disclosures_in
from tests.campaign.figures import Figures, Options
from tests.support.disclosures import Sent, damaged, disclosing, harmless

FALSE_ALARMS_IN_10_000 = 10


def spellings(options: Options) -> Figures:
    """Count what is missed, and what is taken for a disclosure and is none."""
    seeds = range(options.seed * 1_000_000, options.seed * 1_000_000 + options.spellings)
    missed = sum(not _heard(disclosing(seed)) for seed in seeds)
    accepted = sum(_heard(harmless(seed)) for seed in seeds)
    broken = sum(_heard(damaged(seed)) for seed in seeds)
    too_many = broken > FALSE_ALARMS_IN_10_000 * options.spellings / 10_000
    return Figures(
        lost=missed + accepted + too_many,
        said=f"{options.spellings} spellings, {missed} missed; false alarms: {accepted} of {options.spellings}"
        f" valid requests, {broken} of {options.spellings} damaged ones",
    )


def _heard(sent: Sent) -> bool:
    heard = disclosures_in(
        sent.body, content_type=sent.content_type, content_encoding=sent.content_encoding, path=sent.path
    )
    return bool(heard)
