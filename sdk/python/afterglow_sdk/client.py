"""The two credentials and what is called with them: a patient's device, and a clinic's API key."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from afterglow_sdk.offline_queue import Json, OfflineQueue

_BATCH = 100
_SECONDS = 30.0
_UNAUTHENTICATED = 401
_NOT_KEPT = 300
# Answers that may be others when the same is sent again later.
_LATER = frozenset({401, 408, 429, 500, 502, 503, 504})


class NetworkAwayError(Exception):
    """The service cannot be reached; what is in the queue stays there."""


class ProblemError(Exception):
    """The service refused a request; ``code`` is stable, and ``errors`` say where."""

    def __init__(self, status: int, problem: Json) -> None:
        super().__init__(f"{status} {problem.get('detail', '')}")
        self.status = status
        self.code = str(problem.get("type", "")).rpartition("/")[2]
        self.errors: list[Json] = problem.get("errors", [])
        self.problem = problem


@dataclass(frozen=True)
class Tokens:
    """A device's credentials. Keep them where secrets are kept."""

    access: str
    refresh: str


@dataclass
class Sent:
    """What came of sending what waited."""

    kept: list[str] = field(default_factory=list)
    refused: list[Json] = field(default_factory=list)
    waiting: int = 0
    crisis_help: Json | None = None


def _call(url: str, method: str, path: str, body: object, token: str | None) -> Any:  # noqa: ANN401 - a JSON document
    headers = {"accept": "application/json"}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    data = None
    if body is not None:
        headers["content-type"], data = "application/json", json.dumps(body).encode()
    request = Request(f"{url.rstrip('/')}{path}", data=data, headers=headers, method=method)  # noqa: S310 - the app's own address
    try:
        with urlopen(request, timeout=_SECONDS) as reply:  # noqa: S310 - the same
            text = reply.read()
    except HTTPError as error:
        with error:
            raise ProblemError(error.code, _problem_in(error.read())) from None
    except (URLError, OSError, HTTPException) as error:
        raise NetworkAwayError(str(error)) from error
    return json.loads(text) if text else None


def _problem_in(text: bytes) -> Json:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class Clinic:
    """A clinic's system, with an API key."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key

    def request(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - a JSON document
        """Call one operation; gives the reply's JSON, None where it is empty."""
        return _call(self._url, method, path, body, self._key)

    def advance_test_clock(self, *, days: float) -> str:
        """Move the time of a clinic in test mode forward; gives what time it is there."""
        moved = self.request("POST", "/v1/test-clock/advance", {"seconds": int(days * 86_400)})
        return str(moved["now"])


class Phone:
    """A patient's device. ``on_tokens`` is called with new tokens before the old ones stop working."""

    def __init__(
        self, url: str, tokens: Tokens, *, on_tokens: Callable[[Tokens], None] | None = None
    ) -> None:
        self._url, self.tokens, self._on_tokens = url, tokens, on_tokens

    @classmethod
    def enroll(cls, url: str, *, code: str, device_name: str) -> Self:
        """Exchange a one-time code from the clinic for this device's tokens."""
        reply = _call(url, "POST", "/v1/enrolments", {"code": code, "device_name": device_name}, None)
        return cls(url, Tokens(reply["access_token"], reply["refresh_token"]))

    def request(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - a JSON document
        """Call one operation; an access token that has run out is renewed once."""
        try:
            return _call(self._url, method, path, body, self.tokens.access)
        except ProblemError as error:
            if error.status != _UNAUTHENTICATED:
                raise
        self.refresh()
        return _call(self._url, method, path, body, self.tokens.access)

    def refresh(self) -> None:
        """Renew the tokens; the old refresh token works until the new one is used, for phones lose replies."""
        reply = _call(self._url, "POST", "/v1/tokens/refresh", {"refresh_token": self.tokens.refresh}, None)
        self.tokens = Tokens(reply["access_token"], reply["refresh_token"])
        if self._on_tokens is not None:
            self._on_tokens(self.tokens)

    def import_nights(self, *, on: bool) -> None:
        """Switch the import of measured nights on, once the patient was asked, or off."""
        self.request("PUT", "/v1/me/sleep-import", {"on": on})

    def send_night(self, night_id: str, night: Json) -> Json:
        """Send a night that the phone's health store has; under the same id it is kept once."""
        return dict(self.request("PUT", f"/v1/me/sleep-nights/{night_id}", night))

    def sync(self, queue: OfflineQueue) -> Sent:
        """Send what waits, oldest first; whatever may still be taken later stays in the queue under its id."""
        sent = Sent()
        while batch := queue.first(_BATCH):
            try:
                reply = self.request("POST", "/v1/check-ins/batch", {"items": batch})
            except NetworkAwayError:
                break
            except ProblemError as error:
                sent.crisis_help = error.problem.get("crisis_help") or sent.crisis_help
                if error.status in _LATER:
                    break
                raise
            sent.crisis_help = reply.get("crisis_help") or sent.crisis_help
            over = set[str]()
            for item, result in zip(batch, reply["results"], strict=True):
                sent.crisis_help = result.get("crisis_help") or sent.crisis_help
                if result["status"] in _LATER:
                    continue
                over.add(item["id"])
                if result["status"] < _NOT_KEPT:
                    sent.kept.append(item["id"])
                else:
                    sent.refused.append({"item": item, "problem": result["problem"]})
            queue.remove(over)
            if not over:
                break
        sent.waiting = len(queue)
        return sent
