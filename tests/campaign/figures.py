"""What a step of the campaign gets, and what it gives."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How much to try; the same seed tries the same again."""

    seed: int
    kills: int
    sockets: int
    spellings: int
    requests: int
    # Of the fairness between clinics: what waits, what is flooded, what is measured.
    backlog: int
    flood: int
    events: int
    # Of the clinic that a bulk client takes along.
    patients: int
    # For how many seconds the database is away.
    away: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A step's outcome: what was lost (nothing may be), and its figures in words."""

    lost: int = 0
    said: str = ""
    skipped: bool = False
