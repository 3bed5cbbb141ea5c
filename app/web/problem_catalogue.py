"""Every problem that an answer can name: its code, its status and its sentence."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.foundation.errors import RefusalError
from app.web.problems import INTERNAL_ERROR, STATUS, UNROUTED, type_of
from app.web.reasons import REASONS

# What only commands meet is no answer to a request.
_COMMAND_LINE = "app.cli."


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownProblem:
    """One kind of problem, as ``type`` names it."""

    code: str
    status: int
    detail: str

    @property
    def path(self) -> str:
        """Where it is explained: the problem's ``type``."""
        return type_of(self.code)


def known_problems() -> list[KnownProblem]:
    """List every problem by its code; whatever was imported counts, so import ``app.asgi`` before."""
    found = {
        kind.code: KnownProblem(code=kind.code, status=STATUS[kind.kind], detail=kind.message())
        for kind in _refusals(RefusalError)
    }
    for status, (code, detail) in UNROUTED.items():
        found.setdefault(code, KnownProblem(code=code, status=status, detail=detail))
    code, detail = INTERNAL_ERROR
    found[code] = KnownProblem(code=code, status=500, detail=detail)
    return [found[code] for code in sorted(found)]


def field_codes() -> dict[str, str]:
    """Give the codes of single fields (``errors[].code``) that say how a value is malformed, with their sentence."""
    return dict(sorted(REASONS.items()))


def _refusals(kind: type[RefusalError]) -> Iterator[type[RefusalError]]:
    for one in kind.__subclasses__():
        if one.__module__.startswith("app.") and not one.__module__.startswith(_COMMAND_LINE):
            yield one
        yield from _refusals(one)
