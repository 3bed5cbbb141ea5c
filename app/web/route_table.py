"""Which route takes a request: looked up by the shape of its path.

FastAPI tries one included router after the other, each with all of its routes, and the chosen one twice: with our 490
routes that is half a millisecond before any work, and for a path that nobody has it is that much for nothing.
"""

from collections.abc import Iterable
from typing import Final

from fastapi.routing import RouteContext, iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

_APP: Final = "afterglow.route"

_Shape = tuple[int, str, str]


class RouteTable(BaseRoute):
    """Stands before all routes of an application and finds the one that trying them in turn would find."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        every = [(one, one.path or "") for one in iter_route_contexts(list(routes))]
        self._by_shape: dict[_Shape, list[RouteContext]] = {_shape(path): [] for _, path in every}
        for one, path in every:
            # Any other matches paths of its own shape only.
            for shape in self._by_shape if _is_open(path) else (_shape(path),):
                if _could_match(path, shape):
                    self._by_shape[shape].append(one)
        self._anywhere = [one for one, path in every if _is_open(path)]

    def candidates(self, path: str) -> list[RouteContext]:
        """Give the few routes whose pattern could match this path, in their order."""
        return self._by_shape.get(_shape(path), self._anywhere)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Find the route of a request; where there is none, the table itself answers that."""
        if scope["type"] != "http":
            return Match.NONE, {}
        allowed: set[str] = set()
        for route in self.candidates(scope["path"]):
            found = route.path_regex.match(scope["path"])
            if found is None:
                continue
            if scope["method"] in (route.methods or ()):
                read = route.param_convertors
                return Match.FULL, {
                    "route": route.original_route,
                    "endpoint": route.endpoint,
                    "path_params": {
                        name: read[name].convert(value) for name, value in found.groupdict().items()
                    },
                    _APP: route.app,
                }
            allowed |= route.methods or set()
        return Match.FULL, {_APP: _refusal(allowed)}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the route that was found answer."""
        await scope[_APP](scope, receive, send)


def _refusal(allowed: set[str]) -> ASGIApp:
    async def refuse(_scope: Scope, _receive: Receive, _send: Send) -> None:
        if allowed:
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(allowed))})
        raise HTTPException(404)

    return refuse


def _shape(path: str) -> _Shape:
    _, first, second, *_ = f"{path}//".split("/", 3)
    return path.count("/"), first, second


def _is_open(pattern: str) -> bool:
    return ":path}" in pattern or any("{" in part for part in _shape(pattern)[1:])


def _could_match(pattern: str, shape: _Shape) -> bool:
    if ":path}" in pattern:
        return True
    own = _shape(pattern)
    return own[0] == shape[0] and all(
        "{" in part or part == other for part, other in zip(own[1:], shape[1:], strict=True)
    )
