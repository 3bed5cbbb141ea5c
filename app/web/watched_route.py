"""A route that looks once more at what was sent when a request fails, whatever the reason."""

from collections.abc import Awaitable, Callable

from fastapi import Request, Response
from fastapi.routing import APIRoute

from app.web.dependencies import undo_work


class WatchedRoute(APIRoute):
    """Wraps reading, validating and carrying out; a room says in `on_failure` what must not be lost."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override] # narrower than Coroutine, as used
        """Wrap FastAPI's own handler."""
        handle = super().get_route_handler()

        async def handle_watched(request: Request) -> Response:
            try:
                return await handle(request)
            except Exception as error:
                await undo_work(request)
                await self.on_failure(request, await _body_of(request), error)
                raise

        return handle_watched

    async def on_failure(self, request: Request, body: bytes, error: Exception) -> None:
        """Look into the body as it was sent; the error goes on its way afterwards, with what is hung on it."""
        raise NotImplementedError


async def _body_of(request: Request) -> bytes:
    try:
        return await request.body()
    except Exception:  # noqa: BLE001 - in a body that cannot be read there is nothing that we could find
        return b""
