"""``afterglow clinic``, ``key``, ``patient``, ``jobs``: what an operator does without the pages, all audited."""

import asyncio
import json
from typing import Annotated, Any
from uuid import UUID

import typer

from app.access.clinics import commands, keys
from app.access.clinics.commands import OpenedClinic, open_clinic
from app.access.clinics.permissions import Scope
from app.access.clinics.queries import clinic_in, read_clinic
from app.access.clinics.schemas import ClinicReply, KeyReply
from app.cli.options import AsJson, Command, DataDir, Guard, print_json, settings_of
from app.cli.runtime import Runtime, in_clinic, in_context, open_runtime
from app.context import AppContext, Work
from app.foundation.audit import OPERATOR
from app.foundation.errors import RefusalError
from app.foundation.ids import new_id
from app.settings import Settings
from app.storage import clinics, due_work, patients

Clinic = Annotated[UUID, typer.Option("--clinic", help="The clinic's id.")]
_MOST_JOBS = 200


class NoSuchJobError(RefusalError):
    """There is no job with this number that waits or failed."""

    code = "no-such-job"


class NoSuchPatientError(RefusalError):
    """No clinic here has a patient with this id; an erased patient is not found."""

    code = "no-such-patient"


def add_commands(app: typer.Typer, guard: Guard) -> None:
    """Add the commands."""
    of_clinics: dict[str, Command] = {
        "create": create_clinic,
        "list": list_clinics,
        "show": show_clinic,
        "rename": rename_clinic,
        "close": close_clinic,
    }
    of_keys: dict[str, Command] = {"list": list_keys, "make": make_key, "revoke": revoke_key}
    of_jobs: dict[str, Command] = {"list": list_jobs, "retry": retry_job}
    of_patients: dict[str, Command] = {"find": find_patient}
    for group, text, found in (
        ("clinic", "Clinics.", of_clinics),
        ("key", "A clinic's API keys.", of_keys),
        ("patient", "Patients, by id only.", of_patients),
        ("jobs", "Background jobs.", of_jobs),
    ):
        added = typer.Typer(help=text, no_args_is_help=True)
        added.callback()(lambda: None)
        for name, command in found.items():
            added.command(name)(guard(command))
        app.add_typer(added, name=group)


def create_clinic(
    name: Annotated[str, typer.Option(help="The clinic's name.")],
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Open a clinic in test mode, and print its first API key, this once."""
    settings = settings_of(data_dir)
    with open_runtime(settings) as runtime:
        opened = open_new_clinic(runtime, settings, name=name)
    clinic = {
        "clinic_id": str(opened.clinic_id),
        "name": name,
        "mode": "test",
        "api_key": opened.api_key,
    }
    if as_json:
        typer.echo(json.dumps(clinic))
        return
    typer.echo(f"Clinic   {clinic['name']} ({clinic['clinic_id']}), in test mode")
    typer.echo(f"API key  {clinic['api_key']}")
    typer.echo("The key is not shown again; whoever has it can do everything in this clinic.")


def list_clinics(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the clinics, also the closed ones."""

    async def listed(context: AppContext) -> list[dict[str, Any]]:
        async with context.work(None) as work:
            known = await clinics.every_clinic(work)
        rows = []
        for clinic_id, state in known:
            async with context.work(clinic_id, actor=OPERATOR) as work:
                clinic = await clinic_in(work)
                work.record_access("clinic", patient_id=None)
            rows.append({"id": clinic_id, "name": clinic.name, "mode": clinic.mode, "state": state})
        return rows

    rows = in_context(data_dir, listed)
    _print(
        as_json,
        {"clinics": rows},
        [f"{one['id']}  {one['mode']:<4} {one['state']:<6} {one['name']}" for one in rows],
    )


def show_clinic(clinic: Clinic, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Show a clinic's settings, and what someone must see to."""

    async def shown(work: Work) -> dict[str, Any]:
        found = ClinicReply.of(await read_clinic(work)).model_dump(mode="json")
        work.record_access("clinic", patient_id=None)
        return found

    found = in_clinic(data_dir, clinic, shown)
    _print(as_json, found, [f"{name:<16} {value}" for name, value in found.items()])


def rename_clinic(
    clinic: Clinic,
    name: Annotated[str, typer.Option(help="The new name.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Give a clinic another name."""

    async def renamed(work: Work) -> str:
        version = (await clinic_in(work)).version
        return (await commands.change_clinic(work, {"name": name}, version=version)).name

    said = in_clinic(data_dir, clinic, renamed)
    _print(as_json, {"id": clinic, "name": said}, [f"The clinic is called {said}."])


def close_clinic(clinic: Clinic, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Close a clinic whose patients' devices are all revoked: its keys and sessions end, its data stays."""
    in_clinic(data_dir, clinic, commands.close_clinic)
    _print(
        as_json, {"id": clinic, "state": "closed"}, ["Closed. Keys and sessions have ended; the data stays."]
    )


def list_keys(clinic: Clinic, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List a clinic's API keys, also the revoked; never a secret."""

    async def listed(work: Work) -> list[dict[str, Any]]:
        await clinic_in(work)
        work.record_access("api_keys", patient_id=None)
        return [KeyReply.of(key).model_dump(mode="json") for key in await keys.list_keys(work)]

    rows = in_clinic(data_dir, clinic, listed)
    lines = [f"{one['id']}  {'revoked' if one['revoked_at'] else 'works':<7} {one['name']}" for one in rows]
    _print(as_json, {"keys": rows}, lines)


def make_key(
    clinic: Clinic,
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may do; several times for several.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Make an API key and print its secret, this once."""

    async def made(work: Work) -> keys.NewKey:
        await clinic_in(work)
        return await keys.make_key(work, name=name, scopes=scope, own_scopes=frozenset(Scope))

    new = in_clinic(data_dir, clinic, made)
    document = {**KeyReply.of(new.key).model_dump(mode="json"), "secret": new.secret}
    _print(as_json, document, [f"API key  {new.secret}", "It is not shown again."])


def revoke_key(
    clinic: Clinic,
    key: Annotated[UUID, typer.Option("--key", help="The key's id.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Let an API key open nothing any more."""

    async def revoked(work: Work) -> None:
        await clinic_in(work)
        await keys.revoke_key(work, key)

    in_clinic(data_dir, clinic, revoked)
    _print(as_json, {"id": key, "state": "revoked"}, ["Revoked."])


def find_patient(
    patient: Annotated[UUID, typer.Argument(help="The patient's id.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Say which clinic a patient id belongs to; nothing about the patient is shown."""

    async def found(context: AppContext) -> UUID:
        async with context.work(None) as work:
            known = await clinics.every_clinic(work)
        for clinic_id, _ in known:
            async with context.work(clinic_id, actor=OPERATOR) as work:
                if await patients.find(work, patient) is not None:
                    work.record_access("patient", patient_id=patient)
                    return clinic_id
        raise NoSuchPatientError

    clinic_id = in_context(data_dir, found)
    _print(as_json, {"patient_id": patient, "clinic_id": clinic_id}, [f"Clinic {clinic_id}"])


def list_jobs(
    status: Annotated[str | None, typer.Option(help="Only todo, doing or failed ones.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """List background jobs, newest first; their arguments are ids."""

    async def listed(context: AppContext) -> list[due_work.QueuedJob]:
        async with context.work(None) as work:
            return await due_work.newest(work, status=status, most=_MOST_JOBS)

    rows = in_context(data_dir, listed)
    document = {
        "jobs": [
            {
                name: getattr(one, name)
                for name in ("id", "task", "status", "args", "scheduled_at", "attempts")
            }
            for one in rows
        ]
    }
    _print(as_json, document, [f"{one.id:>8}  {one.status:<6} {one.task} {one.args}" for one in rows])


def retry_job(
    job: Annotated[int, typer.Argument(help="The job's number.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Have a job that waits or failed tried at once."""

    async def retried(context: AppContext) -> None:
        async with context.work(None) as work:
            args = await due_work.retry(work, job)
        if args is None:
            raise NoSuchJobError
        if "clinic_id" in args:
            clinic_id = UUID(args["clinic_id"])
            async with context.work(clinic_id, actor=OPERATOR) as work:
                work.audit("job.retried", "clinic", clinic_id)

    in_context(data_dir, retried)
    _print(as_json, {"id": job, "status": "todo"}, ["It is tried at once."])


def _print(as_json: bool, document: dict[str, Any], lines: list[str]) -> None:
    if as_json:
        print_json(document)
    else:
        typer.echo("\n".join(lines) or "None.")


def open_new_clinic(runtime: Runtime, settings: Settings, *, name: str) -> OpenedClinic:
    """Open a clinic in test mode; gives its id and its first key."""

    async def opened() -> OpenedClinic:
        context = runtime.context(settings)
        try:
            async with context.work(new_id(), actor=OPERATOR) as work:
                return await open_clinic(work, name=name)
        finally:
            await context.database.close()

    return asyncio.run(opened())
