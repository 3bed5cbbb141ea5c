"""Who looks at a page: one browser with one request, signed in or not."""

from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Request

from app.context import AppContext, Work
from app.web.pages.forms import Form, refuse_forged
from app.web.pages.page_route import NotSignedInError

Caller = TypeVar("Caller")


def address_of(request: Request) -> str:
    """Give a page's path and query without a language; of a form that was sent, where it was sent."""
    query = [one for one in request.query_params.multi_items() if one[0] != "lang"]
    return f"{request.url.path}?{urlencode(query)}" if query else request.url.path


@dataclass(frozen=True, slots=True, kw_only=True)
class PageVisitor(Generic[Caller]):
    """One browser with one request.

    Attributes:
        caller: who is signed in, or None while nobody is.
        session: the session cookie as sent; it may have ended.
        anchor: what forms of a browser that is not signed in are bound to.
        new_anchor: whether the browser has yet to be given its anchor.
        token: what this browser's forms carry.
        address: path and query of this page without a language, for the links to the others.
        opened: this request's transaction, for who is signed in; read it as `work`.
    """

    caller: Caller | None
    session: str
    anchor: str
    new_anchor: bool
    token: str
    address: str = ""
    opened: Work | None = None

    def address_in(self, language: str) -> str:
        """Give this page's address in another language."""
        return f"{self.address}{'&' if '?' in self.address else '?'}lang={language}"

    @property
    def work(self) -> Work:
        """The transaction of this request.

        Raises:
            NotSignedInError: nobody is signed in, so there is none.
        """
        if self.opened is None:
            raise NotSignedInError
        return self.opened

    @property
    def signed_in(self) -> Caller:
        """Who is signed in.

        Raises:
            NotSignedInError: nobody is.
        """
        if self.caller is None:
            raise NotSignedInError
        return self.caller

    def refuse_forged(self, context: AppContext, form: Form) -> None:
        """Refuse a form that was not made for this browser.

        Raises:
            FormExpiredError: its token is of another browser, or none.
        """
        refuse_forged(context.vault, form["form_token"], (self.session, self.anchor))
