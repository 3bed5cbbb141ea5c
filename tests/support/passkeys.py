"""Passkeys as members set them up: on their account page, with an authenticator in software."""

import json
import re
from html import unescape
from typing import Any

import httpx2

from tests.support.authenticator import Authenticator
from tests.support.browser import PlainBrowser, fields_of
from tests.support.staff import PASSWORD

PASSKEYS = "/care/account/passkeys"
SESSION_COOKIE = "__Host-afterglow-staff"


def options_in(page: str) -> dict[str, Any]:
    """Give what a page asks an authenticator for."""
    (found,) = re.findall(r'data-options="([^"]+)"', page)
    return dict(json.loads(unescape(found)))


def set_up_passkey(browser: PlainBrowser, device: Authenticator, **other: str) -> httpx2.Response:
    """Set a passkey up for the member who is signed in there."""
    page = browser.get(PASSKEYS).text
    entered = {"answer": device.create(options_in(page)), "name": "My phone", "current": PASSWORD}
    return browser.post(PASSKEYS, fields_of(page, PASSKEYS) | entered | other)
