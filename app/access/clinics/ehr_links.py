"""The clinic's link into its EHR: a template that leads to a patient's chart there, by the chart number."""

from typing import Final
from urllib.parse import quote, urlsplit

from app.foundation.errors import RefusalError

PLACE: Final = "{chart_number}"
# A probe in the chart number's place: what it makes must still be one address of the same server.
_PROBE: Final = "P-1042"


class EhrLinkRefusedError(RefusalError, ValueError):
    """The link begins with https://, holds chart_number in braces once, after the server, and no sign-in data."""

    code = "ehr-link"


def read_ehr_link(template: str) -> str:
    """Take a template as it is.

    Raises:
        EhrLinkRefusedError: it would lead nowhere, or elsewhere for another patient.
    """
    if template.count(PLACE) != 1 or any(one in template.replace(PLACE, "") for one in "{}<>\"\\ '`"):
        raise EhrLinkRefusedError
    try:
        parts = urlsplit(template.replace(PLACE, _PROBE))
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise EhrLinkRefusedError from None
    server = template.partition("://")[2].partition("/")[0].partition("?")[0].partition("#")[0]
    if parts.scheme != "https" or not named or "@" in parts.netloc or PLACE in server:
        raise EhrLinkRefusedError
    return template


def ehr_link(template: str | None, chart_number: str) -> str | None:
    """Make the link to one patient's chart; None where the clinic has no template."""
    return template and template.replace(PLACE, quote(chart_number, safe=""))
