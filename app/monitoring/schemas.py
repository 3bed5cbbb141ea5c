"""The evaluation as the care team reads it."""

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from app.monitoring.service import EvaluationView
from app.web.schemas import ReplyBody


class EvaluationReply(ReplyBody):
    """What a patient's reports say as of now, with everything it rests on."""

    # The remaining fields are the core's own, named as in its documentation.
    model_config = ConfigDict(extra="allow")

    as_of: datetime
    level: str = Field(examples=["consider_booster"])
    explanation: str
    cautions: list[str] = Field(description="Open cautions that staff recorded; they decide nothing")
    rule: str
    version: str

    @classmethod
    def of(cls, view: EvaluationView) -> "EvaluationReply":
        """Make the reply."""
        plain: dict[str, Any] = {**view.plain, "explanation": view.explanation}
        return cls.model_validate(plain)
