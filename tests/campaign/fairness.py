"""A clinic whose receiver hangs, with a backlog and a flood of disclosures, beside another clinic."""

from app.notifications.webhooks.events import EventType
from tests.bench.delivery import percentile
from tests.bench.fairness import ORDINARY_GOAL, SAFETY_GOAL, measure
from tests.campaign.figures import Figures, Options
from tests.support.databases import running_cluster


def fairness(options: Options) -> Figures:
    """Measure the other clinic's events quiet and beside it, in one run; what waits must drain afterwards."""
    with running_cluster() as cluster, cluster.database() as place:
        made = measure(
            place, backlog=options.backlog, flood=options.flood, events=options.events, pause=0.05, speedup=1
        )
    said, missed = [], 0
    for event, goal in ((EventType.SAFETY_REPORTED, SAFETY_GOAL), (EventType.SIGNAL_RAISED, ORDINARY_GOAL)):
        quiet, beside = (percentile(one[event], 99) * 1e3 for one in (made.quiet, made.beside))
        missed += made.ratio(event) > goal
        said.append(
            f"{event.value} p99 {quiet:.0f} ms quiet, {beside:.0f} ms beside it"
            f" ({made.ratio(event):.2f} times, at most {goal:.0f})"
        )
    return Figures(
        lost=missed,
        said=f"{options.backlog} waiting and {options.flood} disclosures of a hanging clinic: {'; '.join(said)};"
        f" at most {made.most_in_flight} of its attempts at once; its own drained in {made.drained_within:.0f} s",
    )
