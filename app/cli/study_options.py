"""What the studies' commands have in common: their options, the numbers of a file, JSON."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from app.clinical.protocol import STANDARD, Protocol
from app.studies.settings_files import protocol_with

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", envvar="AFTERGLOW_DATA_DIR", help="Where the embedded database and the key live."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ProtocolFile = Annotated[
    Path | None, typer.Option("--protocol", help="JSON with the numbers of the rule that differ.")
]


def numbers_from(protocol: Path | None) -> Protocol:
    """Read the numbers that differ; the published ones without a file."""
    return protocol_with(protocol) if protocol else STANDARD


def print_json(document: Mapping[str, Any]) -> None:
    """Print a report for programs."""
    typer.echo(json.dumps(document, indent=2, default=str, allow_nan=False))
