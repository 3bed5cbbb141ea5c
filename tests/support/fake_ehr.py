"""Another system over real HTTP: it signs people in (OpenID Connect), launches us (SMART), and can misbehave."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from app.foundation.clock import Clock

CLIENT_ID, SECRET, TOKEN = "afterglow", "kept between the two", "let in"


@dataclass
class FakeEhr:
    """What it is, what it says of whoever signs in, and what it does wrong.

    ``claims`` go over those of the identity token, None takes one away; ``signs_with`` is another key than the
    published one; ``away`` answers nothing but 503; ``names`` is what its configuration says otherwise.
    """

    url: str
    clock: Clock
    subject: str = "person-1"
    # When the person signed in there: whoever did is let in again without a word, unless it is to ask.
    signed_in_at: datetime | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    token: dict[str, Any] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "ehr-1"}))
    signs_with: ECKey | None = None
    away: bool = False
    program_keys: dict[str, Any] | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    # What it has, by type and id; ``shuffled`` gives it in another order, each resource twice.
    records: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    shuffled: bool = False
    page_size: int = 20

    def configuration(self) -> dict[str, Any]:
        """What it does where."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
        } | self.names

    def write(self, kind: str, record_id: str, **content: Any) -> None:  # noqa: ANN401 - any resource
        """Keep a resource as it is from now on."""
        changed = {"lastUpdated": self.clock.now().isoformat()}
        resource = {"resourceType": kind, "id": record_id, "meta": changed, **content}
        self.records.setdefault(kind, {})[record_id] = resource

    def search(self, kind: str, query: str) -> dict[str, Any]:
        """Give a page of what it has of a type, changed since then."""
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        since = datetime.fromisoformat(
            asked.get("_lastUpdated", "ge2000-01-01T00:00:00+00:00").removeprefix("ge")
        )
        found = [
            one
            for one in self.records.get(kind, {}).values()
            if datetime.fromisoformat(one["meta"]["lastUpdated"]) >= since
        ]
        if self.shuffled:
            found = [one for one in reversed(found) for _ in range(2)]
        start = int(asked.get("_offset", "0"))
        bundle: dict[str, Any] = {
            "resourceType": "Bundle",
            "type": "searchset",
            "link": [],
            "entry": [{"resource": one} for one in found[start : start + self.page_size]],
        }
        if start + self.page_size < len(found):
            following = urlencode(asked | {"_offset": start + self.page_size})
            bundle["link"].append({"relation": "next", "url": f"{self.url}/{kind}?{following}"})
        return bundle

    def document(self, path: str, query: str, *, let_in: bool) -> dict[str, Any] | None:
        """Give what is at a path: of its records, only to whom it has let in."""
        if path.startswith("/.well-known/"):
            return self.configuration()
        if path == "/jwks":
            return {"keys": [self.key.as_dict(private=False)]}
        kind, _, record_id = path.strip("/").partition("/")
        if not let_in:
            return None
        return self.records.get(kind, {}).get(record_id) if record_id else self.search(kind, query)

    def give_token(self, form: dict[str, str]) -> dict[str, Any] | None:
        """Give a program a token for an assertion by the key that it published."""
        if self.program_keys is None:
            return None
        keys = KeySet.import_key_set(self.program_keys)  # type: ignore[arg-type] # as it was published
        claims = jwt.decode(form["client_assertion"], keys, algorithms=["ES384"]).claims
        right = claims["iss"] == claims["sub"] == CLIENT_ID and claims["aud"] == f"{self.url}/token"
        return {"access_token": TOKEN, "token_type": "bearer", "expires_in": 300} if right else None

    def authorize(self, query: str) -> str:
        """Let the person in, and send the browser back with a code."""
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        if self.signed_in_at is None or asked.get("prompt") == "login":
            self.signed_in_at = self.clock.now()
        code = uuid4().hex
        self.codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.url}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def exchange(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """Give the tokens for a code, once, to whoever has the secret and the verifier."""
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
        secret = base64.b64encode(f"{CLIENT_ID}:{SECRET}".encode()).decode()
        right = asked is not None and challenge.decode().rstrip("=") == asked["code_challenge"]
        if asked is None or not right or authorization != f"Basic {secret}":
            return None
        now = self.clock.now()
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": self.subject,
            "nonce": asked["nonce"],
            "iat": stamp(now),
            "exp": stamp(now + timedelta(minutes=5)),
            "auth_time": stamp(self.signed_in_at or now),
            "name": "Robin from elsewhere",
            "email": "robin@clinic.example",
        } | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        key = self.signs_with or self.key
        token = jwt.encode({"alg": "ES256", "kid": "ehr-1"}, claims, key, algorithms=["ES256"])
        return {"access_token": "x", "token_type": "Bearer", "id_token": token} | self.token


def stamp(at: datetime) -> int:
    """Write a moment as tokens do."""
    return int(at.timestamp())


@contextmanager
def running_fake_ehr(clock: Clock) -> Iterator[FakeEhr]:
    """Run one until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, query = urlsplit(self.path).path, urlsplit(self.path).query
            ehr.asked.append(path)
            if path == "/authorize":
                self.send_response(302)
                self.send_header("location", ehr.authorize(query))
                self.end_headers()
            else:
                let_in = self.headers.get("authorization") == f"Bearer {TOKEN}"
                self._answer(503 if ehr.away else 200, ehr.document(path, query, let_in=let_in))

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", "0"))
            form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
            if form.get("grant_type") == "client_credentials":
                found = ehr.give_token(form)
            else:
                found = ehr.exchange(form, self.headers.get("authorization", ""))
            self._answer(200, found)

        def _answer(self, status: int, document: dict[str, Any] | None) -> None:
            body = json.dumps(document or {"error": "refused"}).encode()
            self.send_response(status if document else 400)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ehr = FakeEhr(url=f"http://127.0.0.1:{server.server_port}", clock=clock)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield ehr
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
