"""One check-in's step of the rule, bare: the same arithmetic in frozen dataclasses, without our structure.

It is the measure of what our structure costs, so it is written to be quick and is no part of the product: four
smoothed shares lie side by side in tuples (mood, energy, sleep, and the weighted one last), nothing is named for a
reader, nothing is explained or kept for display, and it starts where the reference is already fixed and no booster
was given. It gives the same level, shares, reasons, findings and notes; `core_step` compares them.
"""

from zoneinfo import ZoneInfo

from app.clinical.check_ins import CheckIn
from app.clinical.protocol import Protocol
from tests.bench.bare_answer import answer_of
from tests.bench.bare_records import BareAnswer, BarePatient, BareState
from tests.bench.bare_state import asked_through, loss_after_day, signs_after_day


def bare_step(
    patient: BarePatient, state: BareState, check_in: CheckIn, protocol: Protocol
) -> tuple[BareState, BareAnswer]:
    """State in, state and answer out."""
    local = check_in.recorded_at.astimezone(ZoneInfo(check_in.time_zone))
    day = local.toordinal() if local.hour >= 4 else local.toordinal() - 1
    at = check_in.recorded_at.timestamp()
    last = (day, at, check_in.id)
    if at < patient.infused_at or last <= state.last:
        raise ValueError(check_in.id)
    mood, energy, sleep = check_in.mood, check_in.energy, check_in.sleep_quality
    recent, before, now, asked = state.recent, state.before, state.now, state.asked
    signs_before, signs = state.signs_before, state.signs
    today, sums, counts, hours = state.today, state.sums, state.counts, state.hours
    if mood is not None or energy is not None or sleep is not None:
        if not recent or day > recent[-1]:
            recent = (*recent[1 - protocol.recent_days_kept :], day)
        asked = asked_through(patient, asked, now.burst, day, protocol)
        if at - patient.infused_at >= protocol.acute_hours * 3600:
            if day != today:
                today, before, signs_before = day, now, signs
                sums, counts, hours = (0.0, 0.0, 0.0), (0, 0, 0), (0.0, 0)
            (a, b, c), (i, j, k) = sums, counts
            if mood is not None:
                a, i = a + mood, i + 1
            if energy is not None:
                b, j = b + energy, j + 1
            if sleep is not None:
                c, k = c + sleep, k + 1
            if check_in.sleep_hours is not None:
                hours = (hours[0] + check_in.sleep_hours, hours[1] + 1)
            sums, counts = (a, b, c), (i, j, k)
            means = (a / i if i else None, b / j if j else None, c / k if k else None)
            now = loss_after_day(patient, before, day, means, protocol)
            slept = hours[0] / hours[1] if hours[1] else None
            signs = signs_after_day(patient, signs_before, day, means, slept, before, now, protocol)
    asked_on = day if check_in.asks_about_booster else state.asked_on
    after = BareState(
        before, now, signs_before, signs, today, sums, counts, hours, recent, last, asked_on, asked
    )
    return after, answer_of(patient, after, day, at, protocol)
