"""Looking at an answer: is it a problem document, does it say where and why, does it keep quiet about values?"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2

# A value that is sent in many places and must come back from none of them.
CANARY = "zeisig-4711-kanarienvogel"
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


@contextmanager
def about(example: str) -> Iterator[None]:
    """Name the example with which an assertion of the block fails: one test of many that it tries in turn."""
    try:
        yield
    except AssertionError as failed:
        failed.add_note(f"with: {example}")
        raise


def assert_problem(
    reply: httpx2.Response, status: int, *, pointer: str | None = None, code: str | None = None
) -> dict[str, Any]:
    """Hold an answer to RFC 9457, to a place and a code, and to silence about what was sent."""
    assert reply.status_code == status, reply.text
    assert_guarded(reply)
    assert reply.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = reply.json()
    assert document["status"] == status
    assert document["type"].startswith("/problems/")
    assert document["title"]
    assert document["detail"].endswith((".", "errors.")), document["detail"]
    assert document["request_id"] == reply.headers["x-request-id"]
    assert CANARY not in reply.text
    if pointer is not None:
        assert pointer in [error["pointer"] for error in document["errors"]], document
    for error in document["errors"]:
        assert error["detail"]
        assert error["code"]
    if code is not None:
        codes = [document["type"].rpartition("/")[2], *(error["code"] for error in document["errors"])]
        assert code in codes, document
    return document


def assert_guarded(reply: httpx2.Response) -> None:
    """Hold any answer to the security headers."""
    for name, value in SECURITY_HEADERS.items():
        sent = reply.headers[name]
        if reply.headers.get("content-type", "").startswith("image/svg+xml"):
            # A picture has its own stylesheet in itself, named by its hash, and nothing else.
            sent = re.sub(r"style-src 'sha256-[^']+'; ", "", sent)
        assert sent == value, name
    assert reply.headers["x-request-id"]


def without(document: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Leave fields out."""
    return {name: value for name, value in document.items() if name not in names}
