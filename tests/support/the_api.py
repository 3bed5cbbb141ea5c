"""The API without a service, made once for a process: what its document and its routes say."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI

from app.asgi import build_api

_COMMITTED: Final = Path(__file__).parents[2] / "openapi" / "openapi.json"


@cache
def the_api() -> FastAPI:
    """Give the API as it is served, without a database behind it; nobody changes it."""
    return build_api()


@cache
def document() -> dict[str, Any]:
    """Give its OpenAPI document as it is committed; nobody changes it.

    Making it takes seconds, in each process that collects tests. ``tests/house/test_openapi.py`` holds the committed
    one to the code, to the letter.
    """
    return dict(json.loads(_COMMITTED.read_text("utf-8")))
