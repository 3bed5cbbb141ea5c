"""``make campaign``: the service under attack. Prints one table, and fails on any loss.

``ARGS="--seed 7 --kills 100 --sockets 1000 --only kills"`` chooses; what cannot be tried here is printed as skipped.
"""

import argparse
import sys
import time

from rich.console import Console
from rich.table import Table

from tests.campaign.checks import pytest_steps
from tests.campaign.database import full_disk, hanging_database
from tests.campaign.figures import Figures, Options
from tests.campaign.kills import kills
from tests.campaign.sockets import half_sent_bodies
from tests.campaign.spellings import spellings

STEPS = {
    "spellings": spellings,
    "kills": kills,
    "hanging database": hanging_database,
    "full disk": full_disk,
    "half-sent bodies": half_sent_bodies,
    **pytest_steps(),
}
# Named in the issue, and not tried by this campaign yet.
NOT_YET = ("fairness between clinics", "clock jumps", "a worker dead for three days")


def main() -> int:
    """Run what was chosen; gives the exit status."""
    parser = argparse.ArgumentParser(prog="make campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--spellings", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=25, help="Schemathesis: requests an operation")
    parser.add_argument("--only", choices=[*STEPS], action="append")
    given = parser.parse_args()
    options = Options(
        seed=given.seed,
        kills=given.kills,
        sockets=given.sockets,
        spellings=given.spellings,
        requests=given.requests,
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
    for name in NOT_YET:
        table.add_row(name, "not tried by this campaign yet", "-", "-")
    return table


if __name__ == "__main__":
    sys.exit(main())
