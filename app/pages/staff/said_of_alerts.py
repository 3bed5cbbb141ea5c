"""How pages say who took a step, and on how much a decision rests."""

from datetime import date
from typing import Any
from uuid import UUID

from app.clinical.english_formats import counted
from app.pages.staff.when import day_written
from app.storage.alert_steps import AlertStep


def done_by(step: AlertStep, names: dict[UUID, str]) -> str:
    """Say who took a step: a member by name, a key as a key, the rule and the clock as the service."""
    return by_whom(step.actor_kind, step.actor_id, names)


def by_whom(kind: str, actor_id: UUID | None, names: dict[UUID, str]) -> str:
    """The same, of any kind of actor."""
    if kind == "staff":
        return f"by {names[actor_id]}" if actor_id in names else "by a member of the staff"
    return {"api_key": "by key", "device": "by the patient"}.get(kind, "by Afterglow itself")


def how_sure(reference: dict[str, Any], days_in_last_10: int, last_report_on: date | None) -> list[str]:
    """Say on how much a decision rests, as it was kept with it."""
    said = [f"{counted(days_in_last_10, 'check-in day')} in the last 10"]
    if last_report_on:
        said.append(f"last report {day_written(last_report_on)}")
    if "because" in reference:
        return [*said, "no reference from check-ins"]
    said.append(f"reference from {counted(reference['n_days'], 'day')}")
    if reference["assumes_baseline"]:
        said.append("the baseline is assumed")
    if reference["falling"]:
        said.append("the reference was falling already")
    if reference.get("chosen"):
        said.append("the reference was set by a clinician")
    return said
