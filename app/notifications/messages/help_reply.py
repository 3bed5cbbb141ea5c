"""Crisis help as it travels in replies: the same beside a check-in, a questionnaire and a refusal."""

from app.notifications.messages.crisis_help import CrisisHelp
from app.web.schemas import ReplyBody


class CrisisLineReply(ReplyBody):
    """One way to get help now."""

    label: str
    number: str


class CrisisHelpReply(ReplyBody):
    """Help to show at once, in full, before anything else."""

    locale: str
    title: str
    lines: list[CrisisLineReply]
    not_monitored: str

    @classmethod
    def of(cls, help_now: CrisisHelp) -> "CrisisHelpReply":
        """Make the reply."""
        return cls.model_validate(help_now, from_attributes=True)
