"""A finding of `afterglow doctor`, and how findings are shown."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from rich.console import Console
from rich.text import Text


class Verdict(Enum):
    """How a check came out: its mark and its color."""

    GOOD = ("✓", "green")
    UNUSUAL = ("!", "yellow")
    WRONG = ("✗", "bold red")


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's outcome: what was found, and what to do about it."""

    verdict: Verdict
    found: str
    fix: str = ""


def good(found: str) -> Finding:
    """Say that something is as it should be."""
    return Finding(Verdict.GOOD, found)


def unusual(found: str, fix: str) -> Finding:
    """Say that something may be meant, but should be known."""
    return Finding(Verdict.UNUSUAL, found, fix)


def wrong(found: str, fix: str) -> Finding:
    """Say that something must be fixed."""
    return Finding(Verdict.WRONG, found, fix)


def show(findings: Iterable[Finding]) -> bool:
    """Print each finding as it comes; gives whether nothing is wrong."""
    console = Console(highlight=False)
    count = 0
    for finding in findings:
        mark, style = finding.verdict.value
        # Never folded by us: paths and statements are there to be copied.
        console.print(Text.assemble((mark, style), " ", finding.found), soft_wrap=True)
        if finding.fix:
            console.print(Text(f"  → {finding.fix}", style="dim"), soft_wrap=True)
        count += finding.verdict is Verdict.WRONG
    console.print()
    console.print("Nothing is wrong." if count == 0 else f"{count} to fix.")
    return count == 0
