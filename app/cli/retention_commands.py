"""``afterglow retention``: how long a clinic keeps what, and its legal holds; all audited."""

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic import ValidationError

from app.access.clinics.queries import clinic_in
from app.care.retention import commands, queries
from app.care.retention.queries import Hold, RetentionRules
from app.care.retention.schemas import RetentionEntry
from app.cli.options import AsJson, DataDir, Guard, print_json
from app.cli.runtime import in_clinic
from app.context import Work
from app.foundation.errors import NotFoundError, OperatorError

Clinic = Annotated[UUID, typer.Option("--clinic", help="The clinic's id.")]
_Months = Annotated[int | None, typer.Option(help="Months; left out: kept.")]


class NoSuchHoldError(OperatorError):
    """This clinic has no hold with this id that was not lifted; `afterglow retention show` names them."""


class MonthsOutOfBoundsError(OperatorError):
    """Deliveries and messages are kept for 4 to 600 months, archived patients for 12 to 600."""


def add_commands(app: typer.Typer, guard: Guard) -> None:
    """Add the commands."""
    retention = typer.Typer(help="How long a clinic keeps what, and its legal holds.", no_args_is_help=True)
    for name, command in (("show", show), ("set", set_rules), ("hold", hold), ("lift", lift)):
        retention.command(name)(guard(command))
    app.add_typer(retention, name="retention")


def show(clinic: Clinic, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Show a clinic's rules and its legal holds."""

    async def shown(work: Work) -> tuple[RetentionRules, list[Hold]]:
        await clinic_in(work)
        return await queries.read_rules(work), await queries.list_holds(work)

    rules, holds = in_clinic(data_dir, clinic, shown)
    if as_json:
        print_json(asdict(rules) | {"legal_holds": [_plain(one) for one in holds]})
        return
    for name, months in asdict(rules).items():
        typer.echo(f"{name.removesuffix('_months'):<18} {f'{months} months' if months else 'kept'}")
    for one in holds:
        whose, state = one.patient_id or "all of the clinic", "lifted" if one.lifted_at else "holds"
        typer.echo(f"{one.id}  {state:<6} since {one.placed_at:%Y-%m-%d}  {whose}")


def set_rules(
    clinic: Clinic,
    deliveries: _Months = None,
    messages: _Months = None,
    archived_patients: _Months = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Have what is older removed within the hour; these rules replace those of before."""
    try:
        entry = RetentionEntry(
            deliveries_months=deliveries,
            messages_months=messages,
            archived_patients_months=archived_patients,
        )
    except ValidationError:
        raise MonthsOutOfBoundsError(MonthsOutOfBoundsError.__doc__) from None

    async def kept(work: Work) -> RetentionRules:
        await clinic_in(work)
        return await commands.write_rules(work, entry.rules())

    rules = in_clinic(data_dir, clinic, kept)
    if as_json:
        print_json(asdict(rules))
    else:
        typer.echo("Saved. A worker that sweeps removes what is older within the hour.")


def hold(
    clinic: Clinic,
    reason: Annotated[str, typer.Option(help="Why; kept sealed.")],
    patient: Annotated[
        UUID | None, typer.Option(help="Only this patient; left out: all of the clinic.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Place a legal hold: nothing under it is removed by age, and nobody erased."""

    async def placed(work: Work) -> Hold:
        await clinic_in(work)
        return await commands.place_hold(work, patient_id=patient, reason=reason)

    _say(in_clinic(data_dir, clinic, placed), "Placed.", as_json=as_json)


def lift(
    clinic: Clinic,
    hold_id: Annotated[UUID, typer.Option("--hold", help="The hold's id.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Lift a legal hold: ages count again."""

    async def lifted(work: Work) -> Hold:
        await clinic_in(work)
        try:
            return await commands.lift_hold(work, hold_id)
        except NotFoundError:
            raise NoSuchHoldError(NoSuchHoldError.__doc__) from None

    _say(in_clinic(data_dir, clinic, lifted), "Lifted.", as_json=as_json)


def _plain(one: Hold) -> dict[str, Any]:
    # The reason stays on the pages: a screen of an operator's is no place for it.
    return {name: value for name, value in asdict(one).items() if name != "reason"}


def _say(one: Hold, said: str, *, as_json: bool) -> None:
    if as_json:
        print_json(_plain(one))
    else:
        typer.echo(f"{said} {one.id}")
