"""From what was sent about a completed form to what was told, by the rules of the API's request."""

from collections.abc import Mapping

from app.care.assessments.schemas import AssessmentEntry
from app.care.assessments.service import Form
from app.web.reading import read_as


def read_completed_form(sent: Mapping[str, object]) -> Form:
    """Read a form as told.

    Raises:
        InvalidRequestError: it cannot be read.
    """
    return read_as(AssessmentEntry, sent).form()
