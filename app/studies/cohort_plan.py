"""Which population a simulated cohort stands for: the reference population, and its variants.

Every figure that the rule is defended with comes from here, so each number is the clinical
specification's own (section 9).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from typing import Final

Triple = tuple[float, float, float]
"""One number each for mood, energy and sleep."""


class OnsetShape(StrEnum):
    """How the time to the onset of loss is distributed."""

    LOG_NORMAL = "log_normal"
    WEIBULL = "weibull"


@dataclass(frozen=True, slots=True, kw_only=True)
class Onset:
    """When loss begins, in days after the last induction infusion.

    Attributes:
        middle: the median of a log-normal, or the scale of a Weibull distribution, in days.
        spread: the log-normal's sigma, or the Weibull distribution's shape.
    """

    shape: OnsetShape = OnsetShape.LOG_NORMAL
    middle: float = 16.0
    spread: float = 0.75

    def drawn(self, random: Random) -> float:
        """One onset, in days and fractions of one after the last induction infusion."""
        if self.shape is OnsetShape.WEIBULL:
            return random.weibullvariate(self.middle, self.spread)
        return self.middle * random.lognormvariate(0.0, self.spread)


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortPlan:
    """What a simulated population is like. Points are those of the domains, times are days.

    Attributes:
        before_mean, before_sd: the level before treatment, normal, per domain.
        gain_mean, gain_sd: what induction adds, normal, times one uniform factor a patient.
        noise_sd: a patient's own spread, log-normal around these with `noise_sigma`.
        noise_correlation: between mood-energy, mood-sleep and energy-sleep of one day.
        carry_over: the AR(1) coefficient from one day to the next, uniform.
        dip_every: one passing dip in so many days; 0 for none. `dip_days` and `dip_depth` (a share of
            the gain) are uniform.
        infusion_days: when induction infusions are given, counted back from the last.
        followed_days, days_before: days of check-ins after induction, and before treatment.
        answered_before: the share of the days before treatment that are answered.
        asked_on: of each week of days after the reference window, those on which is asked.
        daily_until: the last day of daily check-ins whatever `asked_on` says: the window needs them.
        missing: the share of check-ins that are missing at random.
        share_with_gaps: the patients with one or two silent stretches of `gap_days`.
        share_never: the patients who lose nothing while they are followed.
        ramp_days, ramp_depth: how long a loss takes to complete, and the share of the gain it takes.
        share_mood_first: the patients who lose mood alone first; energy and sleep follow after so many days.
        share_without_gain: the patients whom induction gives `gain_without`, mean and SD, in every domain.
        counted_after, counted_before: a loss counts when it begins between these days, both excluded.
    """

    before_mean: Triple = (2.8, 3.0, 3.5)
    before_sd: Triple = (1.0, 1.1, 1.2)
    gain_mean: Triple = (3.2, 2.8, 2.2)
    gain_sd: float = 1.2
    gain_factor: tuple[float, float] = (0.7, 1.1)
    noise_sd: Triple = (1.15, 1.2, 1.4)
    noise_sigma: float = 0.25
    noise_correlation: Triple = (0.55, 0.35, 0.35)
    carry_over: tuple[float, float] = (0.1, 0.5)
    dip_every: float = 40.0
    dip_days: tuple[int, int] = (1, 3)
    dip_depth: tuple[float, float] = (0.3, 0.9)
    infusion_days: tuple[int, ...] = (-11, -9, -7, -4, -2, 0)
    followed_days: int = 180
    days_before: int = 21
    answered_before: float = 0.5
    asked_on: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    daily_until: int = 8
    missing: float = 0.25
    share_with_gaps: float = 0.5
    most_gaps: int = 2
    gap_days: tuple[int, int] = (2, 7)
    onset: Onset = Onset()
    share_never: float = 0.5
    ramp_days: tuple[float, float] = (2.0, 14.0)
    ramp_depth: tuple[float, float] = (0.7, 1.1)
    share_mood_first: float = 0.0
    others_follow_days: tuple[float, float] = (14.0, 60.0)
    share_without_gain: float = 0.0
    gain_without: tuple[float, float] = (0.3, 0.6)
    counted_after: int = 6
    counted_before: int = 140


REFERENCE_COHORT: Final = CohortPlan()
NEVER_LOST: Final = replace(REFERENCE_COHORT, share_never=1.0)
"""For false signals alone: nobody loses anything."""

VARIANTS: Final[Mapping[str, CohortPlan]] = {
    "reference": REFERENCE_COHORT,
    "fast population": replace(REFERENCE_COHORT, onset=Onset(middle=18.0, spread=0.67)),
    "slow population": replace(
        REFERENCE_COHORT, onset=Onset(shape=OnsetShape.WEIBULL, middle=98.0, spread=1.19)
    ),
    "no dips": replace(REFERENCE_COHORT, dip_every=0.0),
    "noise carried over (0.7)": replace(REFERENCE_COHORT, carry_over=(0.7, 0.7)),
    "asked three times a week": replace(REFERENCE_COHORT, asked_on=(0, 2, 4)),
    "asked weekly": replace(REFERENCE_COHORT, asked_on=(0,)),
    "half of the check-ins missing": replace(REFERENCE_COHORT, missing=0.5),
    "no baseline": replace(REFERENCE_COHORT, days_before=0),
    "mood first": replace(REFERENCE_COHORT, share_mood_first=0.5),
    "gains 30% smaller": replace(REFERENCE_COHORT, gain_factor=(0.49, 0.77)),
    "slow ramp": replace(REFERENCE_COHORT, ramp_days=(21.0, 60.0)),
    "30% non-responders": replace(REFERENCE_COHORT, share_without_gain=0.3),
}
"""The populations that an evaluation reports, each one change away from the first."""
