"""The numbers of a stored decision, each under the name that the page of numbers gives it; nothing is computed."""

from collections.abc import Mapping
from typing import Any, Final

from app.clinical.channels import CHANNELS, LABELS, Channel
from app.clinical.grounds import ReasonCode
from app.clinical.wording import capitalised, percent, scale_name
from app.pages.staff.signal_words import NUMBERS, SHORT_GROUNDS

Plain = Mapping[str, Any]
# Said with the ground's own name.
_NAMES_OF_THE_GROUND: Final = frozenset({"channel", "scale"})


def channel_rows(decision: Plain) -> list[list[str]]:
    """Give for each channel: before treatment, after induction, now smoothed, share lost, smoothed share."""
    reference, baseline = decision["reference"], decision["baseline"] or {}
    before, after = baseline.get("values", {}), reference.get("values", {})
    return [
        [
            capitalised(LABELS[channel]),
            _points(before.get(channel.value)),
            _points(after.get(channel.value)),
            _points(decision["smoothed_level"][channel.value]),
            _share(decision["share_lost"][channel.value]),
            _share(decision["smoothed_share"][channel.value]),
        ]
        for channel in CHANNELS
    ]


def ground_rows(decision: Plain) -> list[dict[str, str]]:
    """Give every number of the grounds' reasons by its name, and the number of the rule it stands against."""
    assumed = any(note["code"] == "assumed_baseline" for note in decision["notes"])
    rows = []
    for ground in decision["grounds"]:
        for reason in ground["reasons"]:
            rows += [
                {
                    "ground": _named(ground),
                    "name": name,
                    "value": _fact(value),
                    "rule": _number_of_the_rule(reason, name, assumed=assumed),
                }
                for name, value in reason["facts"].items()
                if value is not None and name not in _NAMES_OF_THE_GROUND
            ]
    return rows


def _named(ground: Plain) -> str:
    subject = ground["subject"]
    said = SHORT_GROUNDS.get(ground["ground"], ground["ground"])
    return f"{said}: {_fact(LABELS.get(subject, scale_name(subject)))}" if subject else said


def _number_of_the_rule(reason: Plain, name: str, *, assumed: bool) -> str:
    if (reason["code"], name) == (ReasonCode.CHANNEL_WATCH_REACHED, "threshold"):
        return "mood_watch_at" if reason["facts"]["channel"] == Channel.MOOD else "other_watch_at"
    number = NUMBERS.get((reason["code"], name), "")
    return "consider_at_assumed" if number == "consider_at" and assumed else number


def _fact(value: object) -> str:
    return (
        f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value).replace("_", " ")
    )


def _points(value: float | None) -> str:
    return "—" if value is None else f"{value:.1f}"


def _share(value: float | None) -> str:
    return "—" if value is None else percent(value)
