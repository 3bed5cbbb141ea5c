"""``afterglow transfer``: a patient's encrypted file for another clinic, and the receipt that comes back."""

import os
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from app.cli.options import AsJson, DataDir, Guard, print_json
from app.cli.runtime import in_clinic
from app.context import Work
from app.interop.transfer import commands, queries
from app.interop.transfer.commands import (
    ConfirmedTransfer,
    ReceivedTransfer,
    StartedTransfer,
    TransferConsent,
)
from app.storage.patient_transfers import ConsentForm, PatientTransfer

Clinic = Annotated[UUID, typer.Option(help="The clinic's id.")]
Patient = Annotated[UUID, typer.Option(help="The patient's id.")]
Transfer = Annotated[UUID, typer.Option(help="The transfer's id.")]
File = Annotated[Path, typer.Argument(help="The encrypted file.")]


def add_commands(app: typer.Typer, guard: Guard) -> None:
    """Add the commands."""
    transfer = typer.Typer(help="A patient's transfer to another clinic.", no_args_is_help=True)
    transfer.callback()(lambda: None)
    for name, command in (("start", start), ("receive", receive), ("confirm", confirm), ("cancel", cancel)):
        transfer.command(name)(guard(command))
    app.add_typer(transfer, name="transfer")


def start(
    file: File,
    clinic: Clinic,
    patient: Patient,
    to: Annotated[str, typer.Option(help="The receiving clinic.")],
    consent_on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day on which the patient agreed.")
    ] = None,
    consent_form: Annotated[
        ConsentForm, typer.Option(help="How the patient agreed.")
    ] = ConsentForm.IN_WRITING,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Start a transfer and write its encrypted file; the passphrase is shown once."""

    async def begun(work: Work) -> tuple[StartedTransfer, bytes]:
        agreed = None
        if consent_on is not None:
            agreed = TransferConsent(given_on=date.fromordinal(consent_on.toordinal()), form=consent_form)
        made = await commands.start(work, patient, to=to, consent=agreed)
        return made, await queries.make_file(work, patient, made.transfer.id)

    made, content = in_clinic(data_dir, clinic, begun)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
    found = {"transfer_id": str(made.transfer.id), "passphrase": made.passphrase, "file": str(file)}
    _print(
        as_json,
        found,
        f"Transfer {made.transfer.id} in {file}. Its passphrase, shown this once: {made.passphrase}",
    )


def receive(
    file: File,
    clinic: Clinic,
    passphrase: Annotated[
        str,
        typer.Option(
            prompt=True, hide_input=True, envvar="AFTERGLOW_PASSPHRASE", help="Asked for when left out."
        ),
    ],
    external_ref: Annotated[str | None, typer.Option(help="The patient's chart number here.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Take in a patient from another clinic's file; prints the receipt for that clinic."""
    content = file.read_bytes()

    async def taken_in(work: Work) -> ReceivedTransfer:
        return await commands.receive(work, content, passphrase=passphrase, external_ref=external_ref)

    done = in_clinic(data_dir, clinic, taken_in)
    found = {"patient_id": str(done.transfer.patient_id), "receipt": done.receipt}
    _print(
        as_json, found, f"Patient {done.transfer.patient_id}. Receipt for the other clinic:\n{done.receipt}"
    )


def confirm(
    clinic: Clinic,
    patient: Patient,
    transfer: Transfer,
    receipt: Annotated[str, typer.Option(help="The receipt, as the receiving clinic has it.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Enter the receipt: the other clinic is responsible, and the patient is archived as transferred."""

    async def confirmed(work: Work) -> ConfirmedTransfer:
        return await commands.confirm(work, patient, transfer, receipt=receipt)

    done = in_clinic(data_dir, clinic, confirmed)
    since = done.check_ins_since
    found = {"state": done.transfer.state.value, "check_ins_since": since}
    _print(as_json, found, f"Confirmed. {since} check-ins came after the file was made.")


def cancel(
    clinic: Clinic, patient: Patient, transfer: Transfer, as_json: AsJson = False, data_dir: DataDir = None
) -> None:
    """Cancel a transfer that is not confirmed yet."""

    async def canceled(work: Work) -> PatientTransfer:
        return await commands.cancel(work, patient, transfer)

    done = in_clinic(data_dir, clinic, canceled)
    _print(as_json, {"state": done.state.value}, "Canceled. The patient stays here.")


def _print(as_json: bool, found: dict[str, Any], said: str) -> None:
    if as_json:
        print_json(found)
    else:
        typer.echo(said)
