"""A night as a phone sends it and as it is given back."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.clinical.check_ins import calendar_day, zone_of
from app.context import Work
from app.storage.sleep_nights import SleepNight
from app.web.correction_schemas import Confirm
from app.web.schemas import Moment, ReplyBody, RequestBody, TimeZoneName, example

SleepSource = Literal["healthkit", "health_connect"]
DeviceKind = Literal["watch", "phone", "ring", "band", "mattress", "other"]
AppName = Annotated[
    str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9._-]+$", examples=["com.apple.health"])
]
Minutes = Annotated[int, Field(strict=True, ge=0, le=1440)]


class SleepNightEntry(RequestBody):
    """A night that a phone or watch measured; it is shown beside the reports and decides nothing."""

    model_config = example(
        started_at="2026-11-02T23:10:00+01:00",
        ended_at="2026-11-03T06:55:00+01:00",
        time_zone="Europe/Berlin",
        asleep_minutes=431,
        in_bed_minutes=465,
        source="healthkit",
        app="com.apple.health",
        device="watch",
    )

    started_at: Moment = Field(description="When the night began, with the offset of the phone's clock")
    ended_at: Moment = Field(description="When it ended; its day, where the person was, is the night's")
    time_zone: TimeZoneName = Field(description="Where the person woke up")
    asleep_minutes: Minutes = Field(description="Asleep, without the time awake in between")
    in_bed_minutes: Minutes | None = Field(default=None, description="In bed, asleep or not")
    source: SleepSource = Field(description="The phone's store that it was read from")
    app: AppName = Field(description="The app that wrote it there, by its bundle or package name")
    device: DeviceKind = Field(default="other", description="What measured it")
    supersedes: UUID | None = Field(default=None, description="The night that this one corrects")
    confirm: Confirm = ()

    def night(self, work: Work, patient_id: UUID, night_id: UUID) -> SleepNight:
        """Take it as sent."""
        said = self.model_dump(exclude={"confirm"})
        return SleepNight(
            id=night_id,
            patient_id=patient_id,
            night=calendar_day(self.ended_at, self.time_zone),
            received_at=work.now,
            **said,
        )


class SleepNightReply(ReplyBody):
    """A night as it is kept."""

    id: UUID
    night: date = Field(description="The calendar day of waking, where the person was")
    started_at: datetime = Field(description="When the night began, by the clocks of that place")
    ended_at: datetime = Field(description="When it ended, by the clocks of that place")
    time_zone: str = Field(description="Where the person woke up")
    asleep_minutes: int = Field(description="Asleep, without the time awake in between", examples=[431])
    in_bed_minutes: int | None = Field(description="In bed; null: not measured", examples=[465])
    source: SleepSource = Field(description="The phone's store that it was read from")
    app: str = Field(description="The app that wrote it there", examples=["com.apple.health"])
    device: DeviceKind = Field(description="What measured it")
    received_at: datetime
    supersedes: UUID | None = Field(description="The night that this one corrects; null: none")
    superseded_by: UUID | None = Field(description="The night that corrects this one; null: none does")
    withdrawn_at: datetime | None

    @classmethod
    def of(cls, night: SleepNight) -> "SleepNightReply":
        """Make the reply; times stand as the clocks of that place showed them."""
        zone = zone_of(night.time_zone)
        kept = {name: getattr(night, name) for name in cls.model_fields}
        local = {name: kept[name].astimezone(zone) for name in ("started_at", "ended_at")}
        return cls(**(kept | local))


class SleepNightList(ReplyBody):
    """Nights that count, the latest first. Of two sources both are here: never add them up."""

    items: list[SleepNightReply]


class SleepImportChoice(RequestBody):
    """Whether nights are to be imported from the patient's phone."""

    model_config = example(on=True)

    on: Annotated[bool, Field(strict=True, description="True once the patient has said so")]


class SleepImportReply(ReplyBody):
    """Whether nights are imported from the patient's phone."""

    on: bool = Field(description="Whether nights are taken")
    since: datetime | None = Field(description="Since when; null: it is off")
