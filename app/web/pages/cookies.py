"""Cookies that scripts cannot read, other sites cannot send, and other hosts cannot set."""

from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response


@dataclass(frozen=True, slots=True)
class Cookies:
    """The cookies of a service at this address: over https they are ``Secure`` and bound to its one host."""

    public_url: str

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
            samesite="lax",
        )

    def forget(self, response: Response, name: str) -> None:
        """Let the browser drop a value."""
        response.delete_cookie(self._name(name), path="/", secure=self._secure, httponly=True, samesite="lax")
