"""``afterglow staff``: letting in the first owner, or one who lost phone and codes, whom nobody else can."""

import asyncio
from collections.abc import Callable
from typing import Annotated
from uuid import UUID

import typer
from pydantic import BaseModel

from app.access.clinics.permissions import StaffRole
from app.access.staff.commands import invite_as_operator
from app.access.staff.invitations import Invited
from app.cli.runtime import Ground, open_ground
from app.cli.study_options import DataDir
from app.foundation.audit import OPERATOR
from app.foundation.errors import NotFoundError
from app.settings import Settings
from app.studies.stored_patients import UnknownClinicError
from app.web.schemas import EmailAddress, Name

Command = Callable[..., None]


class Invitee(BaseModel):
    """Whom to let in, held to the rules of the API."""

    name: Name
    email: EmailAddress


def add_staff(app: typer.Typer, guard: Callable[[Command], Command]) -> None:
    """Add the command; `guard` says what an operator can mend in one sentence."""
    staff = typer.Typer(help="A clinic's staff.", no_args_is_help=True)
    # One command only would else take the group's place.
    staff.callback()(lambda: None)
    staff.command("invite")(guard(invite_command))
    app.add_typer(staff, name="staff")


def invite_command(
    clinic: Annotated[UUID, typer.Option("--clinic", help="The clinic's id.")],
    name: Annotated[str, typer.Option(help="The person's name.")],
    email: Annotated[str, typer.Option(help="The address to sign in with; the link goes there, too.")],
    role: Annotated[StaffRole, typer.Option(help="What the person is to the clinic.")] = StaffRole.OWNER,
    data_dir: DataDir = None,
) -> None:
    """Invite somebody to a clinic's staff and print the link; a member's address gets a reset instead."""
    invitee = Invitee(name=name, email=email)
    settings = Settings() if data_dir is None else Settings(data_dir=data_dir)
    with open_ground(settings) as ground:
        invited = asyncio.run(_invited(ground, settings, clinic, invitee, role))
    typer.echo(f"Link     {invited.invite_url}")
    typer.echo(f"Role     {invited.member.role.value}")
    typer.echo(f"It works once, until {invited.expires_at:%Y-%m-%d %H:%M} UTC, and is not shown again.")


async def _invited(
    ground: Ground, settings: Settings, clinic_id: UUID, invitee: Invitee, role: StaffRole
) -> Invited:
    context = ground.context(settings)
    try:
        async with context.work(clinic_id, actor=OPERATOR) as work:
            return await invite_as_operator(work, name=invitee.name, email=invitee.email, role=role)
    except NotFoundError:
        raise UnknownClinicError(UnknownClinicError.__doc__) from None
    finally:
        await context.database.close()
