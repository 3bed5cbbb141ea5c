"""``afterglow keys``: which keys seal what, a new key, sealing again, and retiring what seals nothing."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import typer

from app.access.resealing import queue_resealing, reseal_all, sealed_by
from app.cli.options import AsJson, DataDir, Guard, print_json, settings_of
from app.cli.runtime import KEY_FILE, Runtime, open_runtime, spool_dir_of
from app.context import AppContext
from app.foundation.keyset import KeyInUseError, Keyset, write_keyset
from app.foundation.vault import Vault, replace_key_file
from app.settings import Settings
from app.storage.engine.database import Database

Found = TypeVar("Found")


def add_commands(app: typer.Typer, guard: Guard) -> None:
    """Add the commands."""
    keys = typer.Typer(help="The encryption keys.", no_args_is_help=True)
    keys.command("status")(guard(status_command))
    keys.command("rotate")(guard(rotate_command))
    keys.command("reseal")(guard(reseal_command))
    keys.command("retire")(guard(retire_command))
    app.add_typer(keys, name="keys")


def status_command(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Say which keys there are, which one is active, and how many cells each has sealed."""
    settings = settings_of(data_dir)
    with open_runtime(settings) as runtime:
        counted = _run(runtime, settings, sealed_by)
        rows = _rows(runtime.keyset, counted)
    if as_json:
        print_json({"keys": rows})
        return
    for row in rows:
        typer.echo(f"{row['key']}  {row['state']:<8} {row['cells']} cells")


def rotate_command(data_dir: DataDir = None) -> None:
    """Make a new key and seal with it from now on; the worker seals again what is there."""
    settings = settings_of(data_dir)
    with open_runtime(settings) as runtime:
        keyset = runtime.keyset.rotated()
        if settings.encryption_key is not None or runtime.data_dir is None:
            typer.echo("Set this as AFTERGLOW_ENCRYPTION_KEY for every process, restart them, then run")
            typer.echo(
                "`afterglow keys reseal`. Keep it as you keep the key you have: nothing opens without it."
            )
            typer.echo(write_keyset(keyset))
            return
        path = runtime.data_dir / KEY_FILE
        replace_key_file(path, keyset)
        count = _run(runtime, settings, queue_resealing)
    typer.echo(f"Key {keyset.active.hex()} is active. Back up {path} now: nothing can be read without it.")
    typer.echo(
        f"The worker seals again what older keys sealed, in {count} clinic(s); `afterglow keys status`"
    )
    typer.echo("says when nothing is left, and then `afterglow keys retire` takes the old key away.")


def reseal_command(data_dir: DataDir = None) -> None:
    """Seal again, as the schema's owner, what older keys sealed; may be stopped and started again at any time."""
    settings = settings_of(data_dir)
    with open_runtime(settings) as runtime:
        count = _run(runtime, settings, reseal_all, url=runtime.owner())
    typer.echo(f"{count} cells are sealed with the active key.")


def retire_command(data_dir: DataDir = None) -> None:
    """Take away the keys that seal nothing any more; backups from before still need them."""
    # Only here: it knows all of the safety pathway, and most commands need none of it.
    from app.care.intake.spool import Spool  # noqa: PLC0415 - see above

    settings = settings_of(data_dir)
    with open_runtime(settings) as runtime:
        counted, keyset = _run(runtime, settings, sealed_by), runtime.keyset
        counted += Spool(spool_dir_of(settings), Vault(keyset)).sealed_by()
        unused = [name for name in keyset.keys if name != keyset.active and not counted[name]]
        still = [name for name in keyset.keys if name != keyset.active and counted[name]]
        if still or not unused:
            names = ", ".join(f"{name.hex()} ({counted[name]} cells)" for name in still)
            raise KeyInUseError(
                f"Still sealing: {names}; run `afterglow keys reseal`, and have stored what waits in the spool."
                if still
                else "There is no old key."
            )
        kept = keyset.without(*unused)
        if settings.encryption_key is not None or runtime.data_dir is None:
            typer.echo("Set this as AFTERGLOW_ENCRYPTION_KEY for every process, and restart them.")
            typer.echo(write_keyset(kept))
        else:
            replace_key_file(runtime.data_dir / KEY_FILE, kept)
    typer.echo(f"Retired: {', '.join(name.hex() for name in unused)}. Backups from before need them still.")
    typer.echo("So do the files of `afterglow audit archive` from before: keep the old key with them.")


def _rows(keyset: Keyset, counted: Counter[bytes]) -> list[dict[str, object]]:
    known: list[dict[str, object]] = [
        {
            "key": name.hex(),
            "state": "active" if name == keyset.active else "old",
            "cells": counted[name],
        }
        for name in keyset.keys
    ]
    # What no key here opens: said, since retiring or restoring went wrong.
    lost: list[dict[str, object]] = [
        {"key": name.hex(), "state": "missing", "cells": cells}
        for name, cells in counted.items()
        if name not in keyset.keys
    ]
    return known + lost


def _run(
    runtime: Runtime,
    settings: Settings,
    do: Callable[[AppContext], Awaitable[Found]],
    *,
    url: str | None = None,
) -> Found:
    async def done() -> Found:
        context = runtime.context(settings)
        if url is not None:
            await context.database.close()
            context = replace(context, database=Database(url, tenant_key=context.vault.tenant_key))
        try:
            return await do(context)
        finally:
            await context.database.close()

    return asyncio.run(done())
