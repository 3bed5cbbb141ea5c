"""Crisis help as it travels in replies: the same beside a check-in, a questionnaire and a refusal."""

from pydantic import Field

from app.access.clinics.crisis import LineKind
from app.notifications.messages.crisis_help import CrisisHelp
from app.web.schemas import ReplyBody


class CrisisLineReply(ReplyBody):
    """One way to get help now."""

    kind: LineKind
    label: str
    number: str | None = Field(
        description="Null where the country is not known: the label says to call the local emergency number"
    )


class CrisisHelpReply(ReplyBody):
    """Help to show at once, in full, before anything else."""

    locale: str
    country: str | None = Field(description="For which country (ISO 3166); null: not known")
    title: str
    lines: list[CrisisLineReply]
    not_monitored: str

    @classmethod
    def of(cls, help_now: CrisisHelp) -> "CrisisHelpReply":
        """Make the reply."""
        return cls.model_validate(help_now, from_attributes=True)
