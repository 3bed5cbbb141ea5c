"""Who looks at a page: one browser with one request, signed in or not."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Request

from app.context import AppContext, Work
from app.web.pages.forms import Form, refuse_forged
from app.web.pages.page_route import NotSignedInError

Caller = TypeVar("Caller")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageVisitor(Generic[Caller]):
    """One browser with one request.

    Attributes:
        request: what the browser asked for.
        context: what this process has.
        caller: who is signed in, or None while nobody is.
        session: the session cookie as sent; it may have ended.
        anchor: what forms of a browser that is not signed in are bound to.
        new_anchor: whether the browser has yet to be given its anchor.
        token: what this browser's forms carry.
        opened: this request's transaction, for who is signed in; read it as `work`.
    """

    request: Request = field(repr=False)
    context: AppContext = field(repr=False)
    caller: Caller | None
    session: str
    anchor: str
    new_anchor: bool
    token: str
    opened: Work | None = None

    @property
    def can_switch(self) -> bool:
        """Whether the page can be opened again in another language.

        The answer to a form cannot: what was typed, or a secret that is shown this once, would be lost.
        """
        return self.request.method == "GET"

    def address_in(self, language: str, *, at: str = "") -> str:
        """Give the page's address in a language: as it was asked for, with its query, or else ``at`` this path."""
        path = self.request.url.path
        if at and at != path:
            return f"{at}?{urlencode({'lang': language})}"
        query = [one for one in self.request.query_params.multi_items() if one[0] != "lang"]
        return f"{path}?{urlencode([*query, ('lang', language)])}"

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

    def refuse_forged(self, form: Form) -> None:
        """Refuse a form that was not made for this browser.

        Raises:
            FormExpiredError: its token is of another browser, or none.
        """
        refuse_forged(self.context.vault, form["form_token"], (self.session, self.anchor))
