"""``afterglow staff``: inviting the first owner, listing members, unlocking one, when nobody at the clinic can."""

from typing import Annotated
from uuid import UUID

import typer
from pydantic import BaseModel

from app.access.clinics.permissions import StaffRole
from app.access.clinics.queries import clinic_in
from app.access.staff.commands import invite_as_operator, unlock
from app.access.staff.joining import Invited
from app.access.staff.members import Member
from app.access.staff.queries import id_of_address, list_members
from app.access.staff.schemas import MemberReply
from app.cli.options import AsJson, DataDir, Guard, print_json
from app.cli.runtime import in_clinic
from app.context import Work
from app.web.schemas import EmailAddress, Name

Clinic = Annotated[UUID, typer.Option("--clinic", help="The clinic's id.")]


class Invitee(BaseModel):
    """Whom to invite, held to the rules of the API."""

    name: Name
    email: EmailAddress


def add_commands(app: typer.Typer, guard: Guard) -> None:
    """Add the commands."""
    staff = typer.Typer(help="A clinic's staff.", no_args_is_help=True)
    staff.command("invite")(guard(invite_command))
    staff.command("list")(guard(list_command))
    staff.command("unlock")(guard(unlock_command))
    app.add_typer(staff, name="staff")


def invite_command(
    clinic: Clinic,
    name: Annotated[str, typer.Option(help="The person's name.")],
    email: Annotated[str, typer.Option(help="The address to sign in with; the link goes there, too.")],
    role: Annotated[StaffRole, typer.Option(help="What the person is to the clinic.")] = StaffRole.OWNER,
    data_dir: DataDir = None,
) -> None:
    """Invite someone to a clinic's staff and print the link; a member's address gets a reset instead."""
    invitee = Invitee(name=name, email=email)

    async def invited(work: Work) -> Invited:
        return await invite_as_operator(work, name=invitee.name, email=invitee.email, role=role)

    made = in_clinic(data_dir, clinic, invited)
    typer.echo(f"Link     {made.invite_url}")
    typer.echo(f"Role     {made.member.role.value}")
    typer.echo(f"It works once, until {made.expires_at:%Y-%m-%d %H:%M} UTC, and is not shown again.")


def list_command(clinic: Clinic, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List a clinic's staff, also the deactivated."""

    async def listed(work: Work) -> list[Member]:
        await clinic_in(work)
        work.record_access("staff", patient_id=None)
        return await list_members(work)

    found = in_clinic(data_dir, clinic, listed)
    if as_json:
        print_json({"staff": [MemberReply.of(one).model_dump(mode="json") for one in found]})
        return
    for one in found:
        locked = f", locked until {one.locked_until:%Y-%m-%d %H:%M} UTC" if one.locked_until else ""
        typer.echo(f"{one.id}  {one.role.value:<11} {one.state}{locked}  {one.email}")


def unlock_command(
    clinic: Clinic,
    email: Annotated[str, typer.Option(help="The member's address.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Let a member sign in again who was locked by wrong attempts, or deactivated."""

    async def unlocked(work: Work) -> Member:
        await clinic_in(work)
        return await unlock(work, await id_of_address(work, email))

    member = in_clinic(data_dir, clinic, unlocked)
    if as_json:
        print_json(MemberReply.of(member).model_dump(mode="json"))
        return
    typer.echo("Unlocked." if member.state == "active" else "Unlocked; a new invitation is needed to join.")
