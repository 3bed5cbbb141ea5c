"""What the studies' commands have in common: other numbers for the rule, why a study cannot be run, how far it is."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.options import Command
from app.clinical.errors import ClinicalError
from app.clinical.protocol import STANDARD, Protocol
from app.studies.errors import StudyError
from app.studies.processes import Result, Watch
from app.studies.study_files import protocol_with

ProtocolFile = Annotated[
    Path | None, typer.Option("--protocol", help="JSON with the numbers of the rule that differ.")
]


def numbers_from(protocol: Path | None) -> Protocol:
    """Read the numbers that differ; the published ones without a file."""
    return protocol_with(protocol) if protocol else STANDARD


def said_plainly(command: Command) -> Command:
    """Say in one sentence why a study cannot be run; exit status 1."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - whatever the command takes
        try:
            command(*args, **kwargs)
        except (StudyError, ClinicalError) as error:
            sys.stderr.write(f"afterglow: {_sentence(error)}\n")
            raise typer.Exit(1) from None

    return guarded


def _sentence(error: StudyError | ClinicalError) -> str:
    details = ", ".join(
        f"{name} {'; '.join(map(str, value)) if isinstance(value, tuple) else value}"
        for name, value in error.details.items()
    )
    return f"{error} ({details})" if details else str(error)


_COLUMNS: Final = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


@contextmanager
def bar(what: str, *, of: int) -> Iterator[Watch]:
    """Show a bar for so many results while a person looks on; give what they are to be passed through."""
    console = Console(stderr=True)
    with Progress(*_COLUMNS, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=of)

        def watch(results: Iterable[Result]) -> Iterator[Result]:
            for result in results:
                progress.advance(task)
                yield result

        yield watch


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show that something goes on whose length nobody knows."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(what):
        yield
