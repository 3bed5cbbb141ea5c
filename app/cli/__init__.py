"""The command line: what the operator runs."""

from app.cli.commands import main

__all__ = ["main"]
