"""Cookies that scripts cannot read, other sites cannot send, and other hosts cannot set."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response


@dataclass(frozen=True, slots=True)
class Cookies:
    """The cookies of a service at this address: over https they are ``Secure`` and bound to its one host.

    ``framed``: the page is shown within another site's, and its cookies are kept for that site's pages alone.
    """

    public_url: str
    framed: bool = False

    @property
    def _secure(self) -> bool:
        return self.public_url.startswith("https://")

    def _name(self, name: str) -> str:
        # Browsers take a name with this prefix only from the host itself, for all of its paths, over https.
        return f"__Host-{name}" if self._secure else name

    def read(self, request: Request, name: str) -> str:
        """Give what the browser sent, or an empty text."""
        return request.cookies.get(self._name(name), "")

    def write(self, response: Response, name: str, value: str, *, lasts: timedelta | None) -> None:
        """Let the browser keep a value; without ``lasts``, until it is closed.

        Lax: a link in a mail or on another page still finds the person signed in; forms from other sites
        do not.
        """
        response.set_cookie(
            self._name(name),
            value,
            max_age=None if lasts is None else int(lasts.total_seconds()),
            path="/",
            secure=self._secure,
            httponly=True,
            samesite=self._same_site,
        )
        self._keep_apart(response)

    def forget(self, response: Response, name: str) -> None:
        """Let the browser drop a value."""
        response.delete_cookie(
            self._name(name), path="/", secure=self._secure, httponly=True, samesite=self._same_site
        )
        self._keep_apart(response)

    @property
    def _same_site(self) -> Literal["lax", "none"]:
        return "none" if self.framed else "lax"

    def _keep_apart(self, response: Response) -> None:
        """Bind the cookie that was written last to the pages around ours; Starlette can on Python 3.14 only."""
        if self.framed:
            header, written = response.raw_headers[-1]
            response.raw_headers[-1] = (header, written + b"; Partitioned")
