"""``afterglow listen``: forwards a clinic's events to a program on this machine, signed as webhooks are.

A laptop needs no public address for it: the events are pulled from the stream (`GET /v1/events`), with a key that
has the scope `events:read`, and posted to the program one after the other.
"""

import json
import os
import secrets
import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Annotated, Any, Final

import httpx2
import typer
from standardwebhooks.webhooks import Webhook

from app.cli.options import Guard
from app.foundation.clock import SystemClock
from app.foundation.errors import OperatorError

_EVERY_SECONDS: Final = 1.0
_PAGE: Final = 1000
_TRIES: Final = 3
_WITHIN_SECONDS: Final = 15.0


class KeyMissingError(OperatorError):
    """Set AFTERGLOW_API_KEY to a key of the clinic's with the scope events:read."""


class StreamNotReadError(OperatorError):
    """The service did not give its events; look at its address, and at the key's scope events:read."""


def add_commands(app: typer.Typer, guard: Guard) -> None:
    """Add the command."""
    app.command("listen")(guard(listen))


def listen(
    url: Annotated[
        str,
        typer.Option(
            help="Where the service runs, such as https://afterglow.example; its key is AFTERGLOW_API_KEY."
        ),
    ],
    forward_to: Annotated[
        str,
        typer.Option(
            help="Your program's address; it verifies with AFTERGLOW_WEBHOOK_SECRET, or with a new secret."
        ),
    ],
    past: Annotated[bool, typer.Option("--past", help="Forward what happened before, too.")] = False,
    once: Annotated[bool, typer.Option("--once", help="End when nothing more is there.")] = False,
) -> None:
    """Forward a clinic's events to a program on this machine, signed as webhooks are."""
    key = os.environ.get("AFTERGLOW_API_KEY")
    if not key:
        raise KeyMissingError(KeyMissingError.__doc__)
    secret = os.environ.get("AFTERGLOW_WEBHOOK_SECRET")
    if not secret:
        secret = f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"
        typer.echo(f"Verify signatures with: {secret}")
    with (
        httpx2.Client(
            base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=_WITHIN_SECONDS
        ) as service,
        # Nothing from the environment: the program is on this machine, whatever proxies are set.
        httpx2.Client(timeout=_WITHIN_SECONDS, trust_env=False) as program,
    ):
        for event in _events(service, past=past, once=once):
            typer.echo(
                f"{event['timestamp']}  {event['type']:<28} {_forward(program, forward_to, secret, event)}"
            )


def _events(service: httpx2.Client, *, past: bool, once: bool) -> Iterator[dict[str, Any]]:
    """Give event after event as it comes; those of the past are passed over, unless they are wanted."""
    cursor, now = None, past
    while True:
        page = _read(service, {"limit": _PAGE} | ({} if cursor is None else {"after": cursor}))
        cursor = page["cursor"]
        if now:
            yield from page["items"]
        if page["items"]:
            continue
        if once:
            return
        now = True
        time.sleep(_EVERY_SECONDS)


def _read(service: httpx2.Client, parameters: dict[str, Any]) -> dict[str, Any]:
    try:
        reply = service.get("/v1/events", params=parameters).raise_for_status()
    except httpx2.HTTPError as error:
        raise StreamNotReadError(StreamNotReadError.__doc__) from error
    return dict(reply.json())


def _forward(program: httpx2.Client, address: str, secret: str, event: dict[str, Any]) -> str:
    """Post one event as a webhook; gives the outcome in a word."""
    body = json.dumps({name: event[name] for name in ("type", "timestamp", "data")})
    now, failure = SystemClock().now(), ""
    headers = {
        "content-type": "application/json",
        "webhook-id": event["id"],
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(event["id"], now, body),
    }
    for _ in range(_TRIES):
        try:
            return str(program.post(address, content=body, headers=headers).status_code)
        except httpx2.TransportError as error:
            # A program that was started again has closed the connection that was kept.
            failure = type(error).__name__
    return failure
