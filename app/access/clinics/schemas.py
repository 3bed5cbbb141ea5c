"""Requests and replies about the clinic."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from app.access.clinics.browser_origins import LONGEST_ORIGIN, MOST_ORIGINS
from app.access.clinics.contacts import Contact
from app.access.clinics.ehr_links import read_ehr_link
from app.access.clinics.keys import NewKey
from app.access.clinics.permissions import Scope
from app.access.clinics.queries import Attention
from app.access.clinics.test_clock import MOST_AHEAD, ShownClock
from app.clinical.waiting import LIMIT_NOTES
from app.web.schemas import (
    CountryCode,
    EmailAddress,
    Moment,
    Name,
    PhoneNumber,
    RecordReply,
    ReplyBody,
    RequestBody,
    ShownOnce,
    TimeZoneName,
    choice_of,
    example,
)

EhrLinkTemplate = Annotated[
    str,
    Field(max_length=500, examples=["https://ehr.example/charts/{chart_number}"]),
    AfterValidator(read_ehr_link),
]
_NEVER_TAKEN_AWAY: Final = frozenset({"name", "time_zone", "asks_long_exposure"})


def _limit(name: str) -> Any:  # noqa: ANN401 - Pydantic's field
    notes = LIMIT_NOTES[name]
    return Field(
        default=None,
        ge=int(notes.lowest),
        le=int(notes.highest),
        description=f"{notes.unit.capitalize()}, {notes.value:g} unless set; null: that again. {notes.reason}",
    )


class BrowserOrigins(RequestBody):
    """Where browser apps of the clinic's patients come from."""

    model_config = example(origins=["https://app.riverside.example"])

    origins: Annotated[
        list[Annotated[str, Field(max_length=LONGEST_ORIGIN)]],
        Field(max_length=MOST_ORIGINS, description="Exact origins, as browsers send them; empty: none"),
    ]


class BrowserOriginsReply(ReplyBody):
    """Where browser apps of the clinic's patients come from."""

    origins: list[str] = Field(
        description="Exact origins, in order", examples=[["https://app.riverside.example"]]
    )


class ContactReply(ReplyBody):
    """Someone of the clinic who is notified when nobody answers."""

    name: str
    email: str
    phone: str | None


class LimitsReply(ReplyBody):
    """How long something may wait for someone before it is escalated."""

    urgent_safety_minutes: int
    safety_minutes: int
    signal_hours: int


class CrisisLineEntry(RequestBody):
    """A crisis line or emergency number that the clinic wants in the place of ours in one country."""

    country: CountryCode
    kind: Annotated[Literal["crisis", "emergency"], Field(examples=["crisis"])]
    name: Annotated[Name, Field(examples=["Regional crisis line"])]
    number: Annotated[str, Field(pattern=r"^[+*#0-9][0-9 ()./*#-]{1,29}$", examples=["0800 123 456"])]


class ClinicReply(RecordReply):
    """The clinic."""

    id: UUID
    name: str
    mode: Literal["test", "live"] = Field(description="In test mode everything works and says 'test'")
    went_live_at: datetime | None
    time_zone: str = Field(description="Staff pages show times by its clocks")
    crisis_phone: str | None
    country: str | None = Field(
        description="Where it is (ISO 3166); crisis help goes by the patient's country first"
    )
    crisis_lines: list[CrisisLineEntry]
    asks_long_exposure: bool = Field(
        description="Whether patients are asked each month about what long use of ketamine can do"
    )
    ehr_link_template: str | None = Field(description="Leads staff to a patient's chart in your EHR")
    safety_contact: ContactReply | None
    second_contact: ContactReply | None
    limits: LimitsReply
    attention: list[Attention] = Field(
        description="What someone must see to now, the most urgent first; show it on every page"
    )


class ContactEntry(RequestBody):
    """Someone of the clinic; the telephone number is for people, we write e-mails."""

    name: Name
    email: EmailAddress
    phone: PhoneNumber | None = None


class LimitsEntry(RequestBody):
    """How long something may wait; limits left out stay."""

    urgent_safety_minutes: int | None = _limit("urgent_safety_minutes")
    safety_minutes: int | None = _limit("safety_minutes")
    signal_hours: int | None = _limit("signal_hours")


class ContactTestEntry(RequestBody):
    """Whom to send a test message: a member who may take over, or whom you mean to name as a contact."""

    model_config = example(email="brandt@clinic.example")

    email: EmailAddress


class ContactTestReply(RecordReply):
    """A test message; it counts for 90 days from its answer."""

    id: UUID
    email: str
    sent_at: datetime
    answered_at: datetime | None = Field(description="When its link was pressed")


class ContactTestList(ReplyBody):
    """The latest tests, newest first."""

    items: list[ContactTestReply]


class ClinicChange(RequestBody):
    """What to change; fields left out stay, null takes a contact or the telephone number away."""

    model_config = example(
        crisis_phone="+1 555 0100",
        safety_contact={"name": "R. Ortega", "email": "ortega@clinic.example", "phone": "+1 555 0101"},
        second_contact={"name": "L. Brandt", "email": "brandt@clinic.example"},
        limits={"urgent_safety_minutes": 15},
    )

    name: Name | None = Field(default=None, description="Null: as it is")
    time_zone: TimeZoneName | None = Field(default=None, description="Null: as it is")
    crisis_phone: PhoneNumber | None = None
    country: CountryCode | None = None
    crisis_lines: Annotated[list[CrisisLineEntry], Field(max_length=60)] | None = Field(
        default=None, description="In the place of ours, by country and kind; all of them at once, null: none"
    )
    asks_long_exposure: bool | None = Field(default=None, description="Null: as it is")
    ehr_link_template: EhrLinkTemplate | None = Field(
        default=None, description="`{chart_number}` stands for the patient's; null: no link"
    )
    safety_contact: ContactEntry | None = None
    second_contact: ContactEntry | None = None
    limits: LimitsEntry | None = None

    def changes(self) -> dict[str, Any]:
        """Give what was said, in the clinic's own words."""
        said: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        for name, value in said.items():
            if name == "crisis_lines":
                said[name] = tuple(one.model_dump(mode="json") for one in value or ())
            elif isinstance(value, ContactEntry):
                said[name] = Contact(name=value.name, email=value.email, phone=value.phone)
            elif isinstance(value, LimitsEntry):
                said[name] = value.model_dump(exclude_unset=True)
        return {
            name: value for name, value in said.items() if value is not None or name not in _NEVER_TAKEN_AWAY
        }


class PolicyEntry(RequestBody):
    """The numbers in which the clinic differs, by name; all others are the service's own."""

    model_config = example(numbers={"consider_at": 0.6}, effective_from="2026-12-01T00:00:00-05:00")

    numbers: Annotated[dict[str, Any], Field(max_length=200)]
    effective_from: Moment | None = Field(default=None, description="Null: from now on")


class NumberReply(ReplyBody):
    """One number that decides, with its unit, reason and source; it may be set from lowest to highest.

    Where these meet, no clinic can change it; where choices are named, it is one of them.
    """

    name: str
    value: float
    unit: str
    lowest: float
    highest: float
    reason: str
    source: str
    choices: list[int]


class PolicyVersionReply(ReplyBody):
    """One version of the clinic's numbers; `rule` is how decisions name it."""

    version: int
    numbers: dict[str, float]
    rule: str
    effective_from: datetime
    created_at: datetime
    created_by: UUID | None


class PolicyReply(RecordReply):
    """What the clinic decides with now, and every version there ever was."""

    version: int = Field(description="0: the service's own numbers")
    rule: str
    numbers: list[NumberReply]
    versions: list[PolicyVersionReply]


class KeyEntry(RequestBody):
    """A key to make: what it is for, and what it may do."""

    model_config = example(name="EHR", scopes=["patients", "signals"])

    name: Name
    scopes: Annotated[list[Annotated[Scope, choice_of(Scope)]], Field(min_length=1, max_length=len(Scope))]


class KeyReply(RecordReply):
    """A key, without its secret."""

    id: UUID
    name: str
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None


class NewKeyReply(KeyReply):
    """A new key with its secret, which is shown this once."""

    secret: ShownOnce = Field(examples=["agk_…"])

    @classmethod
    def of_new(cls, new: NewKey) -> "NewKeyReply":
        """Make the reply."""
        return cls(**KeyReply.of(new.key).model_dump(), secret=new.secret)


class KeyList(ReplyBody):
    """All keys of the clinic, oldest first."""

    items: list[KeyReply]


class ClockAdvance(RequestBody):
    """How far a test clock is moved forward."""

    model_config = example(seconds=86_400)

    seconds: int = Field(
        ge=1, le=int(MOST_AHEAD.total_seconds()), description="Seconds: 86400 is a day of the clinic's"
    )


class ClockReply(ReplyBody):
    """The clinic's test clock."""

    now: datetime = Field(
        description="What time it is in this clinic: give it as the time of what a test sends"
    )
    ahead_seconds: int = Field(description="How far that is ahead of the real time, in seconds")

    @classmethod
    def of(cls, clock: ShownClock) -> "ClockReply":
        """Say what the clock shows."""
        return cls(now=clock.now, ahead_seconds=int(clock.ahead.total_seconds()))
