"""What commands have in common: their options, the settings that these make, JSON."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from app.settings import Settings

Command = Callable[..., None]
Guard = Callable[[Command], Command]
"""Says what an operator can correct in one sentence."""

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", envvar="AFTERGLOW_DATA_DIR", help="Where the embedded database and the key live."
    ),
]
Port = Annotated[int | None, typer.Option("--port", help="The port to listen on (0: any free one).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def settings_of(data_dir: Path | None, **given: object) -> Settings:
    """Read the settings; what was given as an option (not None) goes before the environment."""
    chosen = {name: value for name, value in given.items() if value is not None}
    if data_dir is not None:
        chosen["data_dir"] = data_dir
    return Settings(**chosen)  # type: ignore[arg-type] # pydantic checks what it is given


def print_json(document: Mapping[str, Any]) -> None:
    """Print a report for programs."""
    typer.echo(json.dumps(document, indent=2, default=str, allow_nan=False))
