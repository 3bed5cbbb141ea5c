"""How far a study is: a bar on standard error while a person looks on, nothing in a pipe or a log."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.studies.processes import Result, Watch

_COLUMNS: Final = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


@contextmanager
def bar(what: str, *, of: int) -> Iterator[Watch]:
    """Show a bar for so many results; give what they are to be passed through."""
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
