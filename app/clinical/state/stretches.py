"""The stretch since the last infusion, as the rules of `boosters` and `known_now` ask for it."""

from app.clinical.answering import answered_on
from app.clinical.boosters import Stretch, held
from app.clinical.criterion_a_gain import criterion_a
from app.clinical.criterion_c_domain import criterion_c
from app.clinical.known_now import was_observed
from app.clinical.levels import Level
from app.clinical.protocol import Protocol
from app.clinical.reasons import worst_level
from app.clinical.reference import Reference
from app.clinical.state.loss import Loss
from app.clinical.state.patient_state import PatientState, asked_on


def level_by_check_ins(loss: Loss, reference: Reference, today: int, protocol: Protocol) -> Level:
    """What criteria A and C say as of a day."""
    recent = loss.weighted.days if loss.weighted else ()
    every = (
        criterion_a(loss.weighted, reference, today, recent, protocol),
        *criterion_c(loss.domains, reference, today, recent, protocol),
    )
    return worst_level(every)


def current_stretch(state: PatientState, loss: Loss, until: int, protocol: Protocol) -> Stretch:
    """The stretch since the last infusion as it stands on a day; since the reference where none is known."""
    treatment, track = state.treatment, loss.weighted
    from_day = treatment.last_day
    if from_day is None:
        from_day = state.reference.to_day.toordinal() if isinstance(state.reference, Reference) else until
    held_days, held_to = held(track, loss.crossed_run, from_day)
    last = track.days[-1] if track and track.n_days and track.days else None
    answering = state.answering
    if answering is not None and until > answering.day + 1:
        answering = answered_on(answering, until - 1, asked_on(state, protocol), answered=False)
    return Stretch(
        from_day=from_day,
        to_day=until,
        by_booster=treatment.last_is_booster,
        n_days=track.n_days if track else 0,
        crossed_on=loss.crossed_on,
        held_days=held_days,
        held_to=held_to,
        smoothed=track.smoothed if track else 0.0,
        observed=was_observed(answering, last, until, protocol),
    )
