"""The numbers of a stored decision, each under the name that the page of numbers gives it; nothing is computed."""

from collections.abc import Mapping
from typing import Any, Final

from app.clinical.domains import DOMAINS, LABELS, Domain
from app.clinical.english_formats import capitalised, percent, scale_name
from app.clinical.reason_codes import ReasonCode
from app.pages.staff.signal_words import NUMBERS, SHORT_CRITERIA

Plain = Mapping[str, Any]
# Said with the criterion's own name.
_NAMES_OF_THE_CRITERION: Final = frozenset({"domain", "scale"})


def domain_rows(decision: Plain) -> list[list[str]]:
    """Give for each domain: before treatment, after induction, now smoothed, share lost, smoothed share."""
    reference, baseline = decision["reference"], decision["baseline"] or {}
    before, after = baseline.get("values", {}), reference.get("values", {})
    return [
        [
            capitalised(LABELS[domain]),
            _points(before.get(domain.value)),
            _points(after.get(domain.value)),
            _points(decision["smoothed_level"][domain.value]),
            _share(decision["share_lost"][domain.value]),
            _share(decision["smoothed_share"][domain.value]),
        ]
        for domain in DOMAINS
    ]


def criterion_rows(decision: Plain) -> list[dict[str, str]]:
    """Give every number of the criteria' reasons by its name, and the number of the rule it stands against."""
    assumed = any(note["code"] == "assumed_baseline" for note in decision["notes"])
    rows = []
    for criterion in decision["criteria"]:
        for reason in criterion["reasons"]:
            rows += [
                {
                    "criterion": _named(criterion),
                    "name": name,
                    "value": _fact(value),
                    "rule": _number_of_the_rule(reason, name, assumed=assumed),
                }
                for name, value in reason["facts"].items()
                if value is not None and name not in _NAMES_OF_THE_CRITERION
            ]
    return rows


def _named(criterion: Plain) -> str:
    subject = criterion["subject"]
    said = SHORT_CRITERIA.get(criterion["criterion"], criterion["criterion"])
    return f"{said}: {_fact(LABELS.get(subject, scale_name(subject)))}" if subject else said


def _number_of_the_rule(reason: Plain, name: str, *, assumed: bool) -> str:
    if (reason["code"], name) == (ReasonCode.DOMAIN_WATCH_REACHED, "threshold"):
        return "mood_watch_at" if reason["facts"]["domain"] == Domain.MOOD else "other_watch_at"
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
