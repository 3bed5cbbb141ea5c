"""The API without a service, made once for a process: what its document and its routes say."""

from functools import cache
from typing import Any

from fastapi import FastAPI

from app.asgi import build_api


@cache
def the_api() -> FastAPI:
    """Give the API as it is served, without a database behind it; nobody changes it."""
    return build_api()


def document() -> dict[str, Any]:
    """Give its OpenAPI document; nobody changes it."""
    return the_api().openapi()
