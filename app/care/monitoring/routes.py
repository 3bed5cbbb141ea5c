"""The trend for the care team; what is due and the own trend for the patient."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.access.clinics.access import work_for
from app.access.clinics.permissions import Permission
from app.care.monitoring.schedule import schedule_of_patient
from app.care.monitoring.schemas import ProgressReply, ScheduleReply
from app.care.monitoring.trend import Days, trend_of_patient
from app.care.patients.access import PatientSignedIn, PatientWork
from app.chart.drawing import STYLE_SOURCE, draw_trend
from app.chart.layout import Width
from app.chart.trend import Reader
from app.chart.wording import chart_words
from app.context import Work
from app.web.schemas import Day, LocaleTag

router = APIRouter(prefix="/v1/patients/{patient_id}", tags=["monitoring"])
ReadsSignals = Annotated[Work, work_for(Permission.SIGNALS_READ)]
own_router = APIRouter(prefix="/v1/me", tags=["patient's own"])

FirstDay = Annotated[Day | None, Query(alias="from", description="The first day; else three months back")]
LastDay = Annotated[Day | None, Query(alias="to", description="The last day; else today")]
ChartWidth = Annotated[Width, Query(description="For a phone's column, or for a page")]
ChartLocale = Annotated[LocaleTag, Query(description="The chart's language")]
# Opened by itself, a chart may use its own stylesheet and nothing else.
_POLICY: Final = f"default-src 'none'; style-src {STYLE_SOURCE}; frame-ancestors 'none'"


class SvgResponse(Response):
    """A picture."""

    media_type = "image/svg+xml"

    def __init__(self, content: str = "", status_code: int = 200) -> None:
        super().__init__(content, status_code, {"content-security-policy": _POLICY})


@router.get("/chart.svg", summary="Draw a patient's trend", response_class=SvgResponse)
async def draw_chart(
    patient_id: UUID,
    work: ReadsSignals,
    first: FirstDay = None,
    last: LastDay = None,
    width: ChartWidth = Width.WIDE,
    locale: ChartLocale = "en",
) -> SvgResponse:
    """Draw the reports with baseline, reference, infusions, levels, totals, what else changed and days with notes.

    Five years at the most.
    """
    trend = await trend_of_patient(work, patient_id, Days(first=first, last=last), reader=Reader.CLINICIAN)
    return SvgResponse(draw_trend(trend, chart_words(locale), width=width, reader=Reader.CLINICIAN))


@own_router.get("/progress", summary="Read one's own trend")
async def read_progress(
    work: PatientWork, caller: PatientSignedIn, first: FirstDay = None, last: LastDay = None
) -> ProgressReply:
    """Give one's own days with their means, what they are measured against, and infusions. It evaluates nothing."""
    trend = await trend_of_patient(
        work, caller.patient_id, Days(first=first, last=last), reader=Reader.PATIENT
    )
    return ProgressReply.of(trend, chart_words(caller.locale))


@own_router.get("/progress.svg", summary="Draw one's own trend", response_class=SvgResponse)
async def draw_progress(
    work: PatientWork,
    caller: PatientSignedIn,
    first: FirstDay = None,
    last: LastDay = None,
    width: ChartWidth = Width.WIDE,
) -> SvgResponse:
    """Draw one's own trend, in one's own language; five years at the most."""
    trend = await trend_of_patient(
        work, caller.patient_id, Days(first=first, last=last), reader=Reader.PATIENT
    )
    return SvgResponse(draw_trend(trend, chart_words(caller.locale), width=width))


@own_router.get("/schedule", summary="Read what is due")
async def read_schedule(work: PatientWork, caller: PatientSignedIn) -> ScheduleReply:
    """Say on which days check-ins are asked for and since when a questionnaire is, where the patient is now."""
    return ScheduleReply.of(await schedule_of_patient(work, caller.patient_id))
