"""Requests and replies about a clinic's staff: members, sessions, emergencies."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.access.clinics.permissions import StaffRole
from app.access.staff.emergencies import LONGEST_REASON, SHORTEST_REASON, Emergency
from app.access.staff.joining import Invited
from app.access.staff.members import Away, Member
from app.access.staff.signing_in import SignedIn
from app.web.schemas import (
    Day,
    EmailAddress,
    Name,
    RecordReply,
    ReplyBody,
    RequestBody,
    ShownOnce,
    choice_of,
    example,
)

Role = Annotated[StaffRole, choice_of(StaffRole)]


class MemberEntry(RequestBody):
    """Someone to invite."""

    model_config = example(name="R. Ortega", email="ortega@clinic.example", role="clinician")

    name: Name
    email: EmailAddress
    role: Role


class MemberChange(RequestBody):
    """What to change; fields left out stay."""

    model_config = example(role="coordinator")

    name: Name | None = None
    role: Role | None = None


class AwayEntry(RequestBody):
    """The days on which a member is not at work, both included; without a last day until further notice."""

    model_config = example(**{"from": "2026-12-21", "until": "2027-01-03"})

    first: Day = Field(alias="from")
    until: Day | None = None

    def away(self) -> Away:
        """Take them as given."""
        return Away(first=self.first, until=self.until)


class AwayReply(ReplyBody):
    """When a member is not at work."""

    first: date = Field(serialization_alias="from")
    until: date | None


class MemberReply(RecordReply):
    """A member of the staff."""

    id: UUID
    name: str
    email: str
    role: StaffRole
    state: Literal["invited", "active", "disabled"] = Field(
        description="Invited: has yet to follow a link, for the first time or after a reset"
    )
    invited_at: datetime
    joined_at: datetime | None
    locked_until: datetime | None = Field(description="After wrong tries to sign in; null: never, or not now")
    away: AwayReply | None
    unreachable_since: datetime | None = Field(
        description="Since when no mail has got through; null while it does"
    )


class InvitedReply(MemberReply):
    """A member with the link with which they join, which is shown this once."""

    invite_url: ShownOnce = Field(examples=["https://afterglow.clinic.example/care/join/agi_…"])
    expires_at: datetime
    sent: bool = Field(description="Whether the link is on its way by mail; without a mail server it is not")

    @classmethod
    def of_invited(cls, invited: Invited) -> "InvitedReply":
        """Make the reply."""
        return cls(
            **MemberReply.of(invited.member).model_dump(),
            invite_url=invited.invite_url,
            expires_at=invited.expires_at,
            sent=invited.sent,
        )


class MemberList(ReplyBody):
    """All of the clinic's staff, in the order in which they were invited."""

    items: list[MemberReply]

    @classmethod
    def of(cls, members: Sequence[Member]) -> "MemberList":
        """Make the reply."""
        return cls(items=[MemberReply.of(one) for one in members])


class SignInEntry(RequestBody):
    """What someone signs in with: the code of the phone, or a recovery code."""

    model_config = example(
        email="ortega@clinic.example",
        password="four words in a row",  # noqa: S106 - an example
        code="492039",
    )

    email: Annotated[str, Field(max_length=254)]
    password: Annotated[str, Field(max_length=1000)]
    code: Annotated[str, Field(max_length=100)]
    clinic_id: UUID | None = Field(default=None, description="For someone who works at several clinics")
    device_token: Annotated[
        str, Field(max_length=100, description="From an earlier sign-in here: others' guesses do not lock it")
    ] = ""


class StaffSessionReply(ReplyBody):
    """A session, whose token is shown this once; it ends earlier when it is not used for half an hour."""

    access_token: str = Field(examples=["ags_…"])
    expires_at: datetime
    role: StaffRole
    clinic_id: UUID
    recovery_codes_left: int | None = Field(description="Said after a recovery code was used")
    device_token: str = Field(description="Keep it, and send it with the next sign-in of this member")

    @classmethod
    def of(cls, signed_in: SignedIn) -> "StaffSessionReply":
        """Make the reply."""
        return cls(
            access_token=signed_in.token,
            expires_at=signed_in.expires_at,
            role=signed_in.role,
            clinic_id=signed_in.clinic_id,
            recovery_codes_left=signed_in.codes_left,
            device_token=signed_in.device_token,
        )


class EmergencyEntry(RequestBody):
    """Why a patient must be opened now; the owners read it."""

    model_config = example(reason="Called the ward in distress; nobody who may was on shift.")

    reason: Annotated[
        str, Field(min_length=SHORTEST_REASON, max_length=LONGEST_REASON, pattern=r"^[^\x00]*\S[^\x00]*$")
    ]


class OpenedReply(RecordReply):
    """An emergency access."""

    id: UUID
    ends_at: datetime


class EmergencyReply(OpenedReply):
    """An emergency access as the owners see it."""

    staff_id: UUID
    staff_name: str
    patient_id: UUID
    reason: str
    opened_at: datetime


class EmergencyList(ReplyBody):
    """Emergency accesses, newest first."""

    items: list[EmergencyReply]

    @classmethod
    def of_all(cls, found: Sequence[Emergency]) -> "EmergencyList":
        """Make the reply."""
        return cls(items=[EmergencyReply.model_validate(one, from_attributes=True) for one in found])
