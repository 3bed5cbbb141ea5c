"""A page as an answer: nothing inline runs, nothing is kept, nothing is passed to the next site."""

from collections.abc import Sequence
from typing import Final

from starlette.responses import HTMLResponse, Response

# No 'unsafe-inline' anywhere: scripts and styles are files of ours.
_POLICY: Final = (
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "img-src 'self' data:",
    "manifest-src 'self'",
    "worker-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
)
PAGE_HEADERS: Final = {
    "content-security-policy": "; ".join(_POLICY),
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class PageAnswer(HTMLResponse):
    """A page with its headers; the rest of the headers every answer gets at the edge."""

    def __init__(self, content: str, status: int = 200) -> None:
        super().__init__(content, status, PAGE_HEADERS)

    def allow_style(self, source: str) -> None:
        """Let one stylesheet stand in the page itself, named by its hash."""
        policy = self.headers["content-security-policy"]
        self.headers["content-security-policy"] = policy.replace("style-src", f"style-src {source}")

    def allow_frames(self, origins: Sequence[str]) -> None:
        """Let pages of these origins, and no others, show this one within them."""
        policy = self.headers["content-security-policy"]
        self.headers["content-security-policy"] = policy.replace(
            "frame-ancestors 'none'", f"frame-ancestors {' '.join(origins)}"
        )


class PictureAnswer(Response):
    """A PNG that we wrote, whose address changes with it: this browser keeps it, nobody between."""

    media_type = "image/png"

    def __init__(self, png: bytes) -> None:
        headers = {
            "cache-control": "private, max-age=31536000, immutable",
            "content-security-policy": "default-src 'none'; sandbox",
        }
        super().__init__(png, headers=headers)
