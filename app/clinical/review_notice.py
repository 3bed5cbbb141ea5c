"""When the clinic is notified that a series is to be reviewed."""

from datetime import date

from app.clinical.protocol import Protocol
from app.clinical.state.patient_state import Treatment


def is_review_to_announce(
    treatment: Treatment,
    *,
    reviewed_on: date | None,
    today: date,
    announced: bool,
    announce: bool,
    protocol: Protocol,
) -> bool:
    """Whether the series was completed lately, and nobody has reviewed it since.

    A series that merely fell silent may be one whose infusions are still being entered, so that is announced with
    the patient's next report or at the daily look (``announce``), not while history is imported. What the
    clinic was notified of (``announced``) stays due until someone has reviewed it: time alone does not do that.
    """
    over, zero = treatment.induction_over, treatment.day_zero
    if over is None or zero is None or treatment.last_is_booster or treatment.course_closed is not None:
        return False
    if reviewed_on is not None and reviewed_on.toordinal() >= over:
        return False
    if announced:
        return today.toordinal() >= over
    fell_silent = over - zero == protocol.induction_ends_after_days
    return (announce or not fell_silent) and 0 <= today.toordinal() - over <= protocol.review_announced_days
