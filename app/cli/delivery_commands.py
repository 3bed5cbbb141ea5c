"""``afterglow deliveries``: what does not get out of a clinic, holding it, and letting it go; all audited."""

from typing import Annotated, Any
from uuid import UUID

import typer

from app.access.clinics.queries import clinic_in
from app.cli.options import AsJson, DataDir, Guard, print_json
from app.cli.runtime import in_clinic
from app.context import Work
from app.foundation.errors import NotFoundError, OperatorError
from app.notifications.webhooks import commands
from app.notifications.webhooks.endpoints import EndpointView
from app.notifications.webhooks.queries import list_endpoints, undelivered

Clinic = Annotated[UUID, typer.Option("--clinic", help="The clinic's id.")]
Endpoint = Annotated[UUID, typer.Option("--endpoint", help="The endpoint's id.")]


class NoSuchEndpointError(OperatorError):
    """This clinic has no endpoint with this id; `afterglow deliveries list` names them."""


def add_commands(app: typer.Typer, guard: Guard) -> None:
    """Add the commands."""
    deliveries = typer.Typer(help="A clinic's webhook deliveries.", no_args_is_help=True)
    for name, command in (("list", list_deliveries), ("hold", hold), ("release", release)):
        deliveries.command(name)(guard(command))
    app.add_typer(deliveries, name="deliveries")


def list_deliveries(clinic: Clinic, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List a clinic's endpoints, and what is held or was given up at each; never an address."""

    async def listed(work: Work) -> list[dict[str, Any]]:
        await clinic_in(work)
        work.record_access("deliveries", patient_id=None)
        stuck = {one.endpoint_id: one for one in (await undelivered(work)).endpoints}
        return [
            {
                "endpoint_id": one.id,
                "state": one.state,
                "disabled_because": one.disabled_because,
                "held": stuck[one.id].held if one.id in stuck else 0,
                "given_up": stuck[one.id].exhausted if one.id in stuck else 0,
                "safety_events": stuck[one.id].safety if one.id in stuck else 0,
                "oldest_at": stuck[one.id].oldest_at if one.id in stuck else None,
            }
            for one in await list_endpoints(work)
        ]

    rows = in_clinic(data_dir, clinic, listed)
    if as_json:
        print_json({"endpoints": rows})
        return
    for one in rows:
        typer.echo(
            f"{one['endpoint_id']}  {one['state']:<8} {one['held']} held, {one['given_up']} given up, "
            f"{one['safety_events']} of them safety events"
        )
    if not rows:
        typer.echo("None.")


def hold(clinic: Clinic, endpoint: Endpoint, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Send nothing more to an endpoint, and hold what is due to it; safety events reach the contacts by mail."""

    async def held(work: Work) -> EndpointView:
        await clinic_in(work)
        return await _existing(commands.disable(work, endpoint))

    _say(in_clinic(data_dir, clinic, held), "Held: nothing is sent there.", as_json=as_json)


def release(clinic: Clinic, endpoint: Endpoint, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Send to an endpoint again: what was held goes out, safety events first."""

    async def released(work: Work) -> EndpointView:
        await clinic_in(work)
        return await _existing(commands.enable(work, endpoint))

    _say(in_clinic(data_dir, clinic, released), "Released: what was held goes out.", as_json=as_json)


async def _existing(asked: Any) -> EndpointView:  # noqa: ANN401 - a command that was called, not yet awaited
    try:
        view: EndpointView = await asked
    except NotFoundError:
        raise NoSuchEndpointError(NoSuchEndpointError.__doc__) from None
    return view


def _say(endpoint: EndpointView, said: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"endpoint_id": endpoint.id, "state": endpoint.state})
    else:
        typer.echo(said)
