"""The further studies of simulated patients: what each runs, its table, and the page of the documentation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.studies import ask_plans, closed_loop, finding_figures, maintenance, side_by_side
from app.studies.reports import Table, markdown

_MADE: Final = """\
Measured on simulated patients with `{command}`: {patients} patients of each of the seeds {seeds}. ± is the
standard error over the seeds, in the unit of its figure. No real patient is in these figures; the clinic's own
numbers replace them."""

_BOOSTERS: Final = """\
# Across boosters

{made}

Check-ins daily for 250 days from the last induction infusion, a quarter unanswered, those within 24 hours of an
infusion not counted; counted over everyone with a reference. *Holds*: nothing is ever lost, so every signal is
false. *In spite*: from a day between 20 and 190 the benefit is lost although boosters go on; in 60% of patients
they do nothing, in the others each takes back 30 to 70% of the loss for two to four days. *Wears off*: from one
booster on each restores fully, but for 15 to 60% of its interval only; counted from the first time that one wears
off. *Notices*: signals a year after the onset, when each booster closes the signal and the next crossing raises
another; in 2.0 one open finding takes their place.

{table}

Read plainly: rule 1.0 began at zero with every booster, so weekly boosters hid a loss and hid false signals as
well. Rule 2.0 finds the losses and gives more false signals where weekly boosters hold.
"""

_PAIRED: Final = """\
# Both rules seed by seed

{made}

The same patients of the reference cohort for both rules. *Better*: more found in fewer than 14.0 days from the
onset, at a false rate not higher. With 400 patients a seed, as on the [accuracy page](accuracy.md), about 190 losses
make a figure, whose error is larger than the difference; hence the size here. No number of the rule was chosen on
these seeds.

{table}

Read plainly: the present rule finds more at a lower rate. That holds for these patients; for whom it does not, [what
changed](what-changed.md) says.
"""

_PLANS: Final = """\
# How often patients are asked

{made}

A year, the onset of the loss between day 50 and day 300 in half of the patients, a quarter of the check-ins
unanswered and some silent stretches. What is asked depends on what was reported: a low report makes it daily
until two in a row are well. *Asked a week* is that of patients who lose nothing, over all of their days on which
no signal is open. In the last two rows a day on which more than half of the gain is lost is answered 0.6 times as
often.

{table}
"""

_FINDINGS: Final = """\
# How often findings are seen

{made}

Daily check-ins for 180 days after induction. The change begins between day 20 and day 140. *Only the gain is
lost*: all three domains fall back to where they were before treatment, and passing dips go below it. *3 points
below*: mood falls so far below where it was before treatment, in patients who have so much room on a scale that
ends at 0. *14 days at 9.3*: mood and energy at 9.3, no passing dip in these days, and three hours less sleep than
usual; nights vary by 0.8 hours around a usual length between 6 and 8 hours, answered in half hours, as people do.
The two rows below it are harder: hours to the quarter, and nights that vary by 1.2 hours.

{table}

Read plainly: how often elevated mood is found depends on how regular the nights were. Three days in a row are asked
for, so one night of six hours in between begins the count again.
"""

_OUTCOME: Final = """\
# What it is worth

{made}

A mixed clinic, a year from the last induction infusion. Benefits last a median of 30 days (log-normal, spread .9
between patients and .3 within, 4% shorter with each infusion in a fifth of the patients, 4% longer in another
fifth, at most 400 days); a booster restores fully in 80%, partly in 12%, not at all in 8%, over two days; a loss
takes 2 to 14 days. Boosters are at least 14 days apart except in (a), and given 5 days after the loss was noticed,
however it was noticed, unless a row says otherwise. *The patient phones*: a median of 21 days after half is lost, a
quarter never, and a visit every 84 days. *PHQ-9*: every 28 days, four in five done.
*Signals*: check-ins daily, a quarter unanswered; 85% of signals are followed, the others closed and looked at
again by the rule. *Learned interval*: lost after n days books the next booster for day n, held makes the interval
1.3 times as long, 1.6 times once it is monthly, 14 to 120 days; the two rows below it use one factor throughout.
*Below half*: days on which more than half of the gain is truly lost. *Given while well*: less than a quarter of
it was. *False soon after a booster*: of the boosters that fully worked, those followed by a signal within 14 days
while less than half was lost.

{table}

Read plainly: against waiting for a call, following signals spares bad days and costs infusions. A fixed schedule
of the same frequency gives about the same mean, with more infusions given while well and a longer tail. Signals
alone do not replace booked boosters: the learned interval does best, with signals beside it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherStudy:
    """One study: `run` gives its figures, `table` says them, `page` is the text around the table.

    `patients_run` is how many patients pass, for a bar.
    """

    run: Callable[..., Any]
    table: Callable[[Any], Table]
    patients_run: Callable[..., int]
    page: str

    def markdown(self, found: object, *, command: str, patients: int, seeds: Sequence[int]) -> str:
        """The page of the documentation."""
        made = _MADE.format(command=command, patients=patients, seeds=", ".join(map(str, seeds)))
        return self.page.format(made=made, table=markdown(self.table(found)))


STUDIES: Final[Mapping[str, FurtherStudy]] = {
    "boosters": FurtherStudy(
        run=maintenance.maintenance,
        table=maintenance.maintenance_table,
        patients_run=maintenance.patients_run,
        page=_BOOSTERS,
    ),
    "paired": FurtherStudy(
        run=side_by_side.paired,
        table=side_by_side.paired_table,
        patients_run=side_by_side.patients_run,
        page=_PAIRED,
    ),
    "plans": FurtherStudy(
        run=ask_plans.ask_plans,
        table=ask_plans.plans_table,
        patients_run=ask_plans.patients_run,
        page=_PLANS,
    ),
    "findings": FurtherStudy(
        run=finding_figures.finding_figures,
        table=finding_figures.findings_table,
        patients_run=finding_figures.patients_run,
        page=_FINDINGS,
    ),
    "outcome": FurtherStudy(
        run=closed_loop.outcome,
        table=closed_loop.outcome_table,
        patients_run=closed_loop.patients_run,
        page=_OUTCOME,
    ),
}
"""By the name of the option that runs it."""


def table_json(table: Table) -> list[dict[str, str]]:
    """The rows of a table by their column."""
    header, *rows = table
    return [dict(zip(header, row, strict=True)) for row in rows]
