"""A patient's page: what was read, put into the words and rows that the templates show."""

from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from markupsafe import Markup

from app.care.monitoring.service import EvaluationView
from app.chart.drawing import draw_trend
from app.chart.layout import Width
from app.chart.table import trend_table
from app.chart.trend import Reader
from app.chart.wording import chart_words
from app.clinical.domains import DOMAINS
from app.clinical.evaluation import Evaluation
from app.clinical.explanation import what_would_have_changed_it
from app.clinical.interval import ResponseDuration
from app.clinical.reference import Reference
from app.clinical.sentences import SAFETY_BANNER
from app.clinical.taper_wording import reasons_told, told
from app.clinical.wording import capitalised, counted, percent, scale_name
from app.foundation.audit import ActorKind
from app.foundation.vault import Vault
from app.pages.staff import patient_words
from app.pages.staff.patient_view import PatientView
from app.pages.staff.wall_clock import WallClock

NOTHING: Final = "\N{EN DASH}"
SPANS: Final = ((31, "A month"), (92, "Three months"), (365, "A year"), (1826, "Five years"))


def values_of(view: PatientView, vault: Vault, clinic_id: UUID, *, days: int | None) -> dict[str, Any]:
    """Give everything that the templates show."""
    clock = WallClock(view.patient.time_zone, view.now)
    words = chart_words("en")
    return {
        "view": view,
        "patient": view.patient,
        "path": f"/care/patients/{view.patient.id}",
        "clock": clock,
        "words": patient_words,
        "answer": None if view.evaluation is None else _answer(view.evaluation, clock),
        "safety_banner": SAFETY_BANNER,
        "picture": Markup(  # noqa: S704 - made by our own template, which escapes
            draw_trend(view.trend, words, width=Width.WIDE, reader=Reader.CLINICIAN)
        ),
        "table": trend_table(view.trend, words),
        "spans": [(length, name, length == days) for length, name in SPANS],
        "responses": list(_responses(view)),
        "early": list(_early(view)),
        "completed": list(_forms(view, clock)),
        "past": [_benefit(one, clock) for one in reversed(view.interval.past)],
        "taper": told(view.taper.suggestion),
        "taper_reasons": reasons_told(view.taper.suggestion),
        "lines": list(_lines(view, vault, clinic_id, clock)),
    }


def _answer(view: EvaluationView, clock: WallClock) -> dict[str, Any]:
    evaluation, changed = view.evaluation, what_would_have_changed_it(view.evaluation)
    before, _, after = view.explanation.partition(changed) if changed else (view.explanation, "", "")
    quality = evaluation.data_quality
    gap = quality.median_gap_days
    return {
        "level": patient_words.LEVELS[evaluation.level.value],
        "code": evaluation.level.value,
        "said": (before, changed, after),
        "domains": list(_domains(evaluation)),
        "overall": (_share(evaluation.weighted), _share(evaluation.smoothed), _share(evaluation.threshold)),
        "quality": (
            f"{counted(quality.days_in_last_10, 'check-in day')} in the last 10",
            f"last report {clock.day_ago(quality.last_report_on)}"
            if quality.last_report_on
            else "no report yet",
            f"usually {counted(gap, 'day')} apart" if gap else "",
            f"longest gap {counted(quality.longest_gap_days, 'day')}" if quality.longest_gap_days else "",
        ),
        "exposure": evaluation.exposure,
    }


def _domains(evaluation: Evaluation) -> Iterator[Sequence[str]]:
    """Each domain: latest, smoothed, after induction, before, share of the gain lost, smoothed."""
    reference = evaluation.reference if isinstance(evaluation.reference, Reference) else None
    for index, domain in enumerate(DOMAINS):
        yield (
            capitalised(domain.label),
            _points(evaluation.reports[index]),
            _points(evaluation.smoothed_level[index]),
            _points(reference.values[index] if reference else None),
            _points(evaluation.baseline.values[index] if evaluation.baseline else None),
            _share(evaluation.share_lost[index]),
            _share(evaluation.smoothed_share[index]),
        )


def _responses(view: PatientView) -> Iterator[tuple[str, str, str]]:
    for one in view.course.review.responses if view.course else ():
        if one.category is None:
            why = patient_words.RESPONSE_NOT_KNOWN[one.because] if one.because else "Not known"
            yield scale_name(one.scale), why, ""
            continue
        gone = f"{percent(one.improvement)} of the burden is gone" if one.improvement is not None else ""
        totals = f"{one.baseline.total:g} → {one.after.total:g}" if one.baseline and one.after else ""
        yield (
            scale_name(one.scale),
            patient_words.RESPONSES[one.category],
            ", ".join(filter(None, (totals, gone))),
        )


def _early(view: PatientView) -> Iterator[str]:
    for one in view.course.early if view.course else ():
        hours = (
            f"{one.hours_after:.0f} hours after the first infusion"
            if one.hours_after is not None
            else "early"
        )
        said = "had responded" if one.responded else "had not responded yet; that is no reason to stop"
        yield f"{scale_name(one.scale)}: {hours} the patient {said}."


def _forms(view: PatientView, clock: WallClock) -> Iterator[Sequence[str]]:
    for one in view.forms:
        score = one.score
        yield (
            scale_name(one.stored.scale),
            f"{score.total:g}",
            capitalised(score.band.value.replace("_", " ")) if score.band else NOTHING,
            patient_words.RESPONSES[one.response] if one.response else NOTHING,
            clock.day(one.taken_at.date()),
            "the patient" if one.stored.entered_by == "patient" else "the clinic",
        )


def _benefit(one: ResponseDuration, clock: WallClock) -> str:
    lasted = f"{counted(one.days, 'day')}" if one.lost else f"at least {counted(one.days, 'day')}"
    return f"{lasted}, from {clock.day(one.from_day)}{'' if one.lost else ', not lost when last seen'}"


def _lines(view: PatientView, vault: Vault, clinic_id: UUID, clock: WallClock) -> Iterator[Sequence[str]]:
    names: dict[UUID | None, str] = {
        one.id: vault.open(
            one.name_sealed, table="staff_members", column="name", clinic_id=clinic_id, row_id=one.id
        )
        for one in view.staff
    }
    for line in view.lines:
        who = names.get(line.actor_id) or patient_words.ACTORS[ActorKind(line.actor_kind)]
        what = capitalised(line.action.replace("check_in", "check-in").replace(".", " ").replace("_", " "))
        yield clock.moment(line.at), who, what, "in an emergency" if line.emergency_id else ""


def _points(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.1f}"


def _share(value: float | None) -> str:
    return NOTHING if value is None else percent(value)
