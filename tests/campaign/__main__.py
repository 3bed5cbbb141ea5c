"""``make campaign``: the service under attack. Prints one table, and fails on any loss.

``ARGS="--seed 7 --kills 100 --only kills"`` chooses, ``ARGS=--large`` tries as much as was promised;
what cannot be tried here is printed as skipped.
"""

import argparse
import sys
import time
from dataclasses import fields, replace

from rich.console import Console
from rich.table import Table

from tests.campaign.checks import pytest_steps
from tests.campaign.clocks import clock_jumps, dead_worker
from tests.campaign.corrections import killed_corrections
from tests.campaign.database import full_disk, hanging_database
from tests.campaign.fairness import fairness
from tests.campaign.figures import Figures, Options
from tests.campaign.kills import kills
from tests.campaign.outages import database_away, locked_row, slow_database
from tests.campaign.sockets import half_sent_bodies
from tests.campaign.spellings import spellings

STEPS = {
    "spellings": spellings,
    "kills": kills,
    "kills, another seed": lambda options: kills(replace(options, seed=options.seed + 1)),
    "kills during corrections": killed_corrections,
    "fairness": fairness,
    "hanging database": hanging_database,
    "slow database": slow_database,
    "database away": database_away,
    "locked row": locked_row,
    "full disk": full_disk,
    "half-sent bodies": half_sent_bodies,
    "clock jumps": clock_jumps,
    "dead worker": dead_worker,
    **pytest_steps(),
}
_LARGE = {"kills": 100, "backlog": 20_000, "flood": 500, "events": 200, "away": 600.0, "requests": 50}


def main() -> int:
    """Run what was chosen; gives the exit status."""
    parser = argparse.ArgumentParser(prog="make campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--spellings", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=25, help="Schemathesis: requests an operation")
    parser.add_argument(
        "--backlog", type=int, default=2_000, help="Fairness: what waits for the hanging receiver"
    )
    parser.add_argument("--flood", type=int, default=100, help="Fairness: disclosures of the hanging clinic")
    parser.add_argument("--events", type=int, default=100, help="Fairness: events measured, of each kind")
    parser.add_argument("--away", type=float, default=30, help="Seconds for which the database is away")
    parser.add_argument(
        "--large",
        action="store_true",
        help="As much as was promised: 100 kills a seed, 20,000 waiting, 10 minutes away; about an hour",
    )
    parser.add_argument("--only", choices=[*STEPS], action="append")
    given = parser.parse_args()
    options = Options(
        **{one.name: getattr(given, one.name) for one in fields(Options)} | (_LARGE if given.large else {})
    )
    rows = []
    for name, step in STEPS.items():
        if given.only and name not in given.only:
            continue
        sys.stderr.write(f"campaign: {name} …\n")
        started = time.monotonic()
        try:
            figures = step(options)
        except Exception as error:  # noqa: BLE001 - what breaks down is shown, and the others still run
            figures = Figures(lost=1, said=f"broke down: {type(error).__name__}: {str(error)[:200]}")
        rows.append((name, figures, time.monotonic() - started))
    Console(width=160).print(_table(rows, given.seed))
    return int(any(figures.lost for _, figures, _ in rows))


def _table(rows: list[tuple[str, Figures, float]], seed: int) -> Table:
    table = Table("attack", "outcome", "lost", "seconds", title=f"campaign, seed {seed}")
    for name, figures, seconds in rows:
        lost = "skipped" if figures.skipped else str(figures.lost)
        table.add_row(name, figures.said, lost, f"{seconds:.0f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
