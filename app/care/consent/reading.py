"""From what was sent about a withdrawal to a reason, by the rules of the API's request."""

from collections.abc import Mapping

from app.care.consent.schemas import ConsentWithdrawal
from app.web.reading import read_as


def read_reason(sent: Mapping[str, object]) -> str | None:
    """Read why consent is withdrawn; None: nobody said.

    Raises:
        InvalidRequestError: it cannot be read.
    """
    return read_as(ConsentWithdrawal, sent).reason
