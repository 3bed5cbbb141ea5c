"""``make campaign``: the service under attack. Prints one table, and fails on any loss.

``ARGS="--seed 7 --kills 100 --only kills"`` chooses, ``ARGS=--large`` tries as much as was promised;
what cannot be tried here is printed as skipped. Each attack is a process that is ended when its time is over, which
counts as a loss, as does an attack for which no time is left.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, fields, replace

from rich.console import Console
from rich.table import Table

from tests.campaign.afternoon import afternoon
from tests.campaign.bulk import bulk_export
from tests.campaign.checks import pytest_steps
from tests.campaign.clocks import clock_jumps, dead_worker
from tests.campaign.corrections import killed_corrections
from tests.campaign.database import full_disk, full_disk_of_both, hanging_database
from tests.campaign.failover import failover
from tests.campaign.fairness import fairness
from tests.campaign.figures import Figures, Options
from tests.campaign.kills import kills
from tests.campaign.outages import database_away, locked_row, slow_database
from tests.campaign.point_in_time import point_in_time
from tests.campaign.sockets import half_sent_bodies
from tests.campaign.spellings import spellings
from tests.campaign.stateful import stateful

# Each takes as long as several others: the service is read whole after every one.
_MOST_CORRECTIONS = 40
STEPS = {
    # Times are measured in it: nothing else goes on meanwhile.
    "fairness": fairness,
    # The longest first: the others go on beside them.
    "database away": database_away,
    "kills": kills,
    "kills, another seed": lambda options: kills(replace(options, seed=options.seed + 1)),
    "kills during corrections": lambda options: killed_corrections(
        replace(options, kills=min(options.kills, _MOST_CORRECTIONS))
    ),
    "failover": failover,
    "point in time": point_in_time,
    "operator's afternoon": afternoon,
    "bulk export": bulk_export,
    "spellings": spellings,
    "hanging database": hanging_database,
    "slow database": slow_database,
    "locked row": locked_row,
    "full disk": full_disk,
    "full disk, the spool's as well": full_disk_of_both,
    "half-sent bodies": half_sent_bodies,
    "clock jumps": clock_jumps,
    "dead worker": dead_worker,
    **pytest_steps(),
    "Schemathesis, stateful": stateful,
}
_ALONE = "fairness"
Row = tuple[Figures, float]
"""A step's figures, and how many seconds it took."""
_LARGE = {"kills": 100, "backlog": 20_000, "flood": 500, "events": 200, "away": 600.0, "requests": 20}


def main() -> int:
    """Run what was chosen; gives the exit status."""
    given = _arguments()
    options = Options(
        **{one.name: getattr(given, one.name) for one in fields(Options)} | (_LARGE if given.large else {})
    )
    if given.step:
        sys.stdout.write(json.dumps(asdict(_tried(given.step, options))) + "\n")
        return 0
    ends_at = time.monotonic() + given.minutes * 60
    names = [one for one in STEPS if not given.only or one in given.only]
    found: dict[str, Row] = {}
    if _ALONE in names:
        found[_ALONE] = _run(_ALONE, sys.argv[1:], ends_at=ends_at)
    with ThreadPoolExecutor(max_workers=given.at_once) as lanes:
        begun = {
            name: lanes.submit(_run, name, sys.argv[1:], ends_at=ends_at)
            for name in names
            if name not in found
        }
        found |= {name: row.result() for name, row in begun.items()}
    Console(width=160).print(_table({name: found[name] for name in names}, given.seed))
    return int(any(figures.lost for figures, _ in found.values()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--spellings", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=5, help="Schemathesis: requests an operation")
    parser.add_argument(
        "--backlog", type=int, default=2_000, help="Fairness: what waits for the hanging receiver"
    )
    parser.add_argument("--flood", type=int, default=100, help="Fairness: disclosures of the hanging clinic")
    parser.add_argument("--events", type=int, default=100, help="Fairness: events measured, of each kind")
    parser.add_argument("--patients", type=int, default=1_000, help="Of the clinic that is exported")
    parser.add_argument("--away", type=float, default=30, help="Seconds for which the database is away")
    parser.add_argument("--minutes", type=float, default=25, help="All of it ends within so many")
    parser.add_argument(
        "--at-once",
        type=int,
        default=4,
        help="Steps side by side: they wait much of the time, for what starts",
    )
    parser.add_argument(
        "--large",
        action="store_true",
        help="As much as was promised: 100 kills a seed, 20,000 waiting, 10 minutes away; on two quiet cores",
    )
    parser.add_argument(
        "--only", choices=[*STEPS], action="append", help="This step; may be given several times"
    )
    parser.add_argument("--step", choices=[*STEPS], help=argparse.SUPPRESS)
    return parser.parse_args()


def _run(name: str, arguments: Sequence[str], *, ends_at: float) -> Row:
    """Run one step in a process, which is ended with all that it started when the time is over."""
    sys.stderr.write(f"campaign: {name} …\n")
    started = time.monotonic()
    left = ends_at - started
    if left <= 0:
        return Figures(lost=1, said="not tried: no time was left"), 0.0
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.campaign", *arguments, "--step", name],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=left)
        figures = Figures(**json.loads(said.strip().splitlines()[-1]))
    except subprocess.TimeoutExpired:
        figures = Figures(lost=1, said=f"not done within {left:.0f} s")
    except (ValueError, IndexError):
        figures = Figures(lost=1, said=f"broke down with exit status {process.returncode}")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    sys.stderr.write(f"campaign: {name}: {figures.said}\n")
    return figures, time.monotonic() - started


def _tried(name: str, options: Options) -> Figures:
    try:
        return STEPS[name](options)
    except Exception as error:  # noqa: BLE001 - what breaks down is shown, and the others still run
        return Figures(lost=1, said=f"broke down: {type(error).__name__}: {str(error)[:200]}")


def _table(rows: Mapping[str, Row], seed: int) -> Table:
    table = Table("attack", "outcome", "lost", "seconds", title=f"campaign, seed {seed}")
    for name, (figures, seconds) in rows.items():
        lost = "skipped" if figures.skipped else str(figures.lost)
        table.add_row(name, figures.said, lost, f"{seconds:.0f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
