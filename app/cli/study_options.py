"""What the studies' commands have in common: other numbers for the rule, and why a study cannot be run."""

import sys
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.options import Command
from app.clinical.errors import ClinicalError
from app.clinical.protocol import STANDARD, Protocol
from app.studies.errors import StudyError
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
