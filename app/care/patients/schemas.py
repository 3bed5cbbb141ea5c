"""Requests and replies about patients, their enrolment and their tokens."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, PlainSerializer, model_validator

from app.care.patients.commands import STAYS, DetailsChange, Registration
from app.care.patients.consent_status import ConsentStatus
from app.care.patients.corrections import ArchiveReason
from app.care.patients.devices import DeviceKind, EnrolledDevice, IssuedTokens
from app.care.patients.enrolment import Enrolled
from app.care.patients.queries import Patient
from app.care.patients.reminder_choices import ChoicesChange, NumberState, ReminderChoices
from app.foundation.addresses import read_mobile_number
from app.foundation.errors import RefusalError
from app.foundation.text import read_label
from app.outbox import Channel
from app.web.reading import read_as
from app.web.schemas import (
    ChartNumber,
    CountryCode,
    Day,
    EmailAddress,
    LocaleTag,
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

Mode = Literal["test", "live"]
Note = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*\S[^\x00]*$")]


class PatientRegistration(RequestBody):
    """A new patient: the clinic's own reference, never a name."""

    model_config = example(external_ref="P-1042", time_zone="America/New_York", locale="en-US")

    external_ref: ChartNumber
    time_zone: TimeZoneName
    locale: LocaleTag = "en-US"
    country: CountryCode | None = Field(default=None, description="For crisis help; null: as the zone says")
    email: EmailAddress | None = Field(
        default=None, description="For sign-in links and reminders, which hold nothing clinical"
    )

    def registration(self) -> Registration:
        """Take it as sent."""
        return Registration(**dict(self))


class ReasonMissingError(RefusalError, ValueError):
    """Another chart number needs a reason."""

    code = "reason-missing"


class Archive(RequestBody):
    """Why nobody is to read a patient's reports any more."""

    model_config = example(reason="care_ended", note="Moved away in November.")

    reason: Annotated[ArchiveReason, choice_of(ArchiveReason)]
    note: Note | None = None


class Unarchive(RequestBody):
    """Why a patient's reports are to be read again."""

    model_config = example(note="Came back for a second course.")

    note: Note | None = None


class ContactFacts(RequestBody):
    """How staff reach the person; all of it optional, sealed, and shown to staff alone."""

    model_config = example(name="Maria Muster", telephone="+1 555 0100", preferred_way="telephone")

    name: Name | None = None
    telephone: PhoneNumber | None = None
    birth_year: Annotated[int, Field(ge=1900, le=2100)] | None = None
    emergency_contact_name: Name | None = None
    emergency_contact_telephone: PhoneNumber | None = None
    preferred_way: Literal["telephone", "sms", "email", "letter"] | None = None


class PatientChangeReply(ReplyBody):
    """What staff changed about who a patient is."""

    id: UUID
    kind: Literal["chart_number", "archived", "unarchived"]
    at: datetime
    by: UUID | None = Field(description="The member or key that did it")
    reason: ArchiveReason | None
    note: str | None = Field(description="The reason in words")
    before: str | None = Field(description="The chart number before")


class PatientChangeList(ReplyBody):
    """Every such change, newest first."""

    items: list[PatientChangeReply]


class DetailsEntry(RequestBody):
    """What to change; fields left out stay. Past days do not move when the zone does."""

    time_zone: TimeZoneName | None = None
    locale: LocaleTag | None = None
    country: CountryCode | None = Field(
        default=None, description="For crisis help; null: as the zone says; left out, it stays"
    )
    email: EmailAddress | None = Field(
        default=None, description="Null removes the address; left out, it stays"
    )

    def change(self) -> DetailsChange:
        """Take it as sent."""
        email = self.email if "email" in self.model_fields_set else STAYS
        country = self.country if "country" in self.model_fields_set else STAYS
        return DetailsChange(time_zone=self.time_zone, locale=self.locale, email=email, country=country)


TimeOfDay = Annotated[time, PlainSerializer(lambda at: at.strftime("%H:%M"), return_type=str)]
WrittenTimeOfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["18:00"])]


class ReminderChoicesReply(ReplyBody):
    """How a patient wants to be asked; local times, wherever the patient is."""

    ask_at: TimeOfDay = Field(examples=["18:00"])
    quiet_from: TimeOfDay = Field(examples=["21:00"])
    quiet_until: TimeOfDay = Field(examples=["08:00"])
    channels: list[Channel] = Field(
        description="A reminder goes over the first of these that reaches the patient"
    )
    sms_number: str | None
    sms_number_state: NumberState = Field(
        description="Text messages go to a confirmed number only; stopped: a confirmed one that answered STOP"
    )
    paused_until: date | None


MobileNumber = Annotated[
    str, Field(max_length=40, examples=["+14155550123"]), AfterValidator(read_mobile_number)
]


class ReminderChange(RequestBody):
    """What to change of how one is asked; fields left out stay. A time that has passed is tomorrow's."""

    model_config = example(ask_at="19:30", channels=["email"])

    ask_at: WrittenTimeOfDay | None = None
    quiet_from: WrittenTimeOfDay | None = None
    quiet_until: WrittenTimeOfDay | None = Field(
        default=None, description="The same as quiet_from: no quiet hours"
    )
    channels: Annotated[list[Channel], Field(max_length=3)] | None = Field(
        default=None, description="In the order of preference; empty: no reminders"
    )
    sms_number: MobileNumber | None = Field(
        default=None, description="For text messages through the gateway; null removes it"
    )
    paused_until: Day | None = Field(
        default=None, description="No reminders before this day; null ends a pause"
    )

    def applied_to(self, choices: ReminderChoices) -> ReminderChoices:
        """Give the choices with these changes."""
        changed = self.model_dump(exclude_unset=True)
        for name in ("ask_at", "quiet_from", "quiet_until", "channels"):
            if changed.get(name) is None:
                changed.pop(name, None)
        for name in ("ask_at", "quiet_from", "quiet_until"):
            if name in changed:
                changed[name] = time.fromisoformat(changed[name])
        if "channels" in changed:
            changed["channels"] = tuple(dict.fromkeys(changed["channels"]))
        return replace(choices, **changed)


class PatientChange(DetailsEntry):
    """What to change; fields left out stay. Past days do not move when the zone does."""

    model_config = example(time_zone="America/Chicago")

    external_ref: ChartNumber | None = Field(default=None, description="Another chart number; needs a reason")
    reason: Note | None = Field(default=None, description="Why the chart number changes")

    @model_validator(mode="after")
    def _has_its_reason(self) -> Self:
        if self.external_ref is not None and self.reason is None:
            raise ReasonMissingError
        return self


class OwnChange(DetailsEntry):
    """What to change of oneself; fields left out stay. Past days do not move when the zone does."""

    model_config = example(time_zone="America/Chicago", reminders={"ask_at": "19:30"})

    reminders: ReminderChange | None = None

    def change(self) -> DetailsChange:
        """Take it as sent."""
        return replace(super().change(), reminders=self.reminders.applied_to if self.reminders else None)


class ArchivedReply(ReplyBody):
    """Since when, and why, nobody reads a patient's reports any more."""

    at: datetime
    reason: ArchiveReason


class PatientReply(RecordReply):
    """A patient as the clinic sees them."""

    id: UUID
    external_ref: str
    email: str | None
    time_zone: str = Field(description="As it was given")
    time_zone_canonical: str = Field(description="The zone's name of today")
    locale: str
    country: str | None
    mode: Mode
    registered_at: datetime
    consent: ConsentStatus
    archived: ArchivedReply | None = Field(
        description="Null: reports are read; else devices read, and report no more"
    )


class PatientList(ReplyBody):
    """A page of patients; the Link header points to the next."""

    items: list[PatientReply]


class EnrolmentCodeReply(ReplyBody):
    """A one-time code: typed in, or carried by the link's fragment (`qr_svg` draws that as a QR code)."""

    code: ShownOnce = Field(examples=["7K2M-9QF4-XB3T"])
    url: ShownOnce
    qr_svg: ShownOnce
    expires_at: datetime


class SignInLinkReply(RecordReply):
    """A link with which the patient signs a browser in, once, within a day. Opening it does not spend it."""

    url: ShownOnce
    expires_at: datetime
    sent: bool = Field(description="Whether it is on its way to the patient's e-mail, too")


class DeviceReply(ReplyBody):
    """A phone or browser that may speak for the patient."""

    id: UUID
    name: str
    kind: DeviceKind
    enrolled_at: datetime
    last_used_at: datetime = Field(description="To a quarter of an hour; a browser's to the hour")
    this_one: bool = Field(description="Whether it is the device that asks")

    @classmethod
    def of(cls, device: EnrolledDevice, *, asking: UUID | None = None) -> "DeviceReply":
        """Make the reply."""
        return cls(
            id=device.id,
            name=device.name,
            kind=device.kind,
            enrolled_at=device.enrolled_at,
            last_used_at=device.last_used_at,
            this_one=device.id == asking,
        )


class DeviceList(ReplyBody):
    """Every device that may speak for the patient now, in the order in which they were enrolled."""

    items: list[DeviceReply]


class Enrolment(RequestBody):
    """A device that wants to speak for a patient."""

    model_config = example(code="7K2M-9QF4-XB3T", device_name="My phone")

    code: Annotated[str, Field(min_length=1, max_length=100, examples=["7K2M-9QF4-XB3T"])]
    device_name: Annotated[
        str, Field(min_length=1, max_length=100, examples=["My phone"]), AfterValidator(read_label)
    ]


class TokensReply(ReplyBody):
    """A pair of tokens."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the scheme's name
    expires_in: int = Field(description="Seconds that the access token works", examples=[900])

    @classmethod
    def of(cls, issued: IssuedTokens) -> "TokensReply":
        """Make the reply."""
        return cls(
            access_token=issued.access_token, refresh_token=issued.refresh_token, expires_in=issued.expires_in
        )


class MeReply(RecordReply):
    """The patient to themselves."""

    id: UUID
    time_zone: str
    locale: str
    country: str | None = Field(description="For crisis help, as someone chose it; null: as the zone says")
    mode: Mode = Field(description="'test' while the clinic tries things out")
    email: str | None
    consent: ConsentStatus = Field(description="Ask unless 'given'; after 'withdrawn' nothing is taken")


class OwnReply(MeReply):
    """The patient to themselves, with how they are asked."""

    reminders: ReminderChoicesReply

    @classmethod
    def of_own(cls, patient: Patient, reminders: ReminderChoices) -> "OwnReply":
        """Make the reply."""
        choices = ReminderChoicesReply.model_validate(reminders, from_attributes=True)
        return cls(**MeReply.of(patient).model_dump(), reminders=choices)


class EnrolmentReply(TokensReply):
    """A device that may speak for the patient from now on."""

    patient: MeReply

    @classmethod
    def of_enrolled(cls, enrolled: Enrolled) -> "EnrolmentReply":
        """Make the reply."""
        return cls(**TokensReply.of(enrolled.tokens).model_dump(), patient=MeReply.of(enrolled.patient))


class Refresh(RequestBody):
    """A refresh token to exchange."""

    model_config = example(refresh_token="agr_019a48d15c4e7b609f0a2f6f1e0b7c11_n0tAreaLt0ken")  # noqa: S106 - made up

    refresh_token: Annotated[str, Field(min_length=1, max_length=200)]


def read_registration(sent: Mapping[str, object]) -> Registration:
    """Read a patient to be."""
    return read_as(PatientRegistration, sent).registration()


def read_reminders(sent: Mapping[str, object]) -> ChoicesChange:
    """Read how one wants to be asked: what it changes."""
    return read_as(ReminderChange, sent).applied_to
