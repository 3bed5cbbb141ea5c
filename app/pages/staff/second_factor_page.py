"""Setting up a phone: the picture to scan, the same as text, and the secret sealed for the form."""

from dataclasses import dataclass, field
from uuid import UUID

from markupsafe import Markup

from app.access.staff.second_factor import (
    SetUpExpiredError,
    new_secret,
    open_pending,
    otpauth_link,
    seal_pending,
)
from app.care.patients.qr_codes import qr_svg
from app.context import AppContext


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """A phone that is being set up; nothing of it is kept before its code was right."""

    sealed: str
    secret: str = field(repr=False)
    picture: Markup = field(repr=False)


def new_set_up(context: AppContext, clinic_id: UUID, staff_id: UUID, email: str) -> SetUp:
    """Begin with a new secret."""
    return _shown(context, clinic_id, staff_id, email, new_secret())


def same_set_up(context: AppContext, clinic_id: UUID, staff_id: UUID, email: str, sealed: str) -> SetUp:
    """Go on with the secret that was shown, so that nobody scans twice; with a new one if it does not open."""
    try:
        secret = open_pending(context.vault, sealed, clinic_id=clinic_id, staff_id=staff_id)
    except SetUpExpiredError:
        secret = new_secret()
    return _shown(context, clinic_id, staff_id, email, secret)


def _shown(context: AppContext, clinic_id: UUID, staff_id: UUID, email: str, secret: str) -> SetUp:
    drawn = qr_svg(otpauth_link(secret, email))
    return SetUp(
        sealed=seal_pending(context.vault, secret, clinic_id=clinic_id, staff_id=staff_id),
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        # segno's own drawing: nothing of what anybody typed is in it but as dark squares.
        picture=Markup(drawn),  # noqa: S704 - see above
    )
