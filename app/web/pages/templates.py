"""Templates: escaped by default, and a name that is not there is an error, never an empty place."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, nodes
from jinja2.compiler import CodeGenerator, Frame
from markupsafe import Markup, escape
from starlette.responses import Response

from app.foundation.errors import NotFoundError
from app.foundation.translations import (
    SOURCE_LANGUAGE,
    Words,
    catalogue,
    in_language,
    joined,
    say,
    with_decimal_sign,
)
from app.web.pages.translated_templates import mark_periods, translate_template, with_single_periods

SHARED_TEMPLATES: Final = Path(__file__).with_name("templates")
_MARKED: Final = re.compile(r"[&<>\"']").search


def escaped(value: object) -> str:
    """Give what a page writes for a value, as ``markupsafe.escape`` does.

    What needs no escaping is not wrapped in markup: a page is put together once, at its end, and most of what a long
    list costs to write is its pieces.
    """
    if type(value) is str or isinstance(value, Words):
        return value if _MARKED(value) is None else escape(value)
    if type(value) is Markup:
        return value
    return str(value) if type(value) is int else escape(value)


class _PageWriter(CodeGenerator):
    """Compiles templates that write their values by `escaped`."""

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:  # noqa: ANN401 - Jinja's own type has no public name
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape:
            super()._output_child_pre(node, frame, finalize)
            return
        self.write("environment.escaped(")
        if finalize.src is not None:
            self.write(finalize.src)


class _Page(Template):
    """A template that lets go of what it showed once it is written.

    A macro and its template's context hold each other: all rows of a list would wait for the garbage collector.
    """

    def render(self, *args: Any, **kwargs: Any) -> str:  # noqa: ANN401 - as Jinja declares it
        context = self.new_context(dict(*args, **kwargs))
        try:
            return with_single_periods(self.environment.concat(self.root_render_func(context)))
        except Exception:  # noqa: BLE001 - Jinja raises it again, with the template's own lines
            self.environment.handle_exception()
        finally:
            context.vars.clear()
            context.parent.clear()


class TranslatedEnvironment(Environment):
    """Templates in one language, with its ``words`` by their English; see ``translated_templates``."""

    template_class = _Page
    code_generator_class = _PageWriter
    escaped = staticmethod(escaped)
    words: Mapping[str, str] = MappingProxyType({})

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        return translate_template(tree, lambda message, _: self.words.get(message)) if self.words else tree

    def _generate(self, source: nodes.Template, *args: Any, **more: Any) -> str:  # noqa: ANN401 - as Jinja declares it
        return super()._generate(mark_periods(source), *args, **more)


def template_environment(*folders: Path, language: str = SOURCE_LANGUAGE) -> TranslatedEnvironment:
    """Make the environment for a room's templates in a language; the shared ones come after the room's own.

    Templates are read once: they are part of the program. ``Words`` are shown in the language.
    """
    environment = TranslatedEnvironment(
        loader=FileSystemLoader([*folders, SHARED_TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
        finalize=None if language == SOURCE_LANGUAGE else partial(in_language, language=language),
    )
    if language != SOURCE_LANGUAGE:
        environment.words = catalogue(language)
        environment.filters["join"] = lambda words, by="": joined(words, by)
        environment.filters["format"] = lambda form, *values: with_decimal_sign(form % values, language)
    environment.globals["say"] = say
    return environment


def template_texts(*folders: Path) -> list[bytes]:
    """Give what these templates and the shared ones are made of, for a name that changes with any of them."""
    return [path.read_bytes() for folder in (*folders, SHARED_TEMPLATES) for path in sorted(folder.iterdir())]


# What every room of pages serves, before its own.
SHARED_FILES: Final = Path(__file__).with_name("static")
MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"


class StaticFiles:
    """The files of some folders, read once; ``start`` is the path that they are served under."""

    def __init__(self, start: str, folders: Iterable[Path]) -> None:
        self._start = start
        self._paths: dict[str, str] = {}
        self._contents: dict[str, tuple[bytes, str]] = {}
        for folder in folders:
            for path in sorted(folder.iterdir()):
                self._take(path)

    def _take(self, path: Path) -> None:
        content = path.read_bytes()
        name = f"{path.stem}.{hashlib.sha256(content).hexdigest()[:12]}{path.suffix}"
        self._paths[path.name] = self._start + name
        self._contents[name] = (content, MEDIA_TYPES[path.suffix])

    @property
    def paths(self) -> Mapping[str, str]:
        """Where each file is to be found, by its plain name."""
        return MappingProxyType(self._paths)

    @property
    def version(self) -> str:
        """Name all of them together: another name as soon as one of them changes."""
        return hashlib.sha256("".join(sorted(self._contents)).encode()).hexdigest()[:12]

    def path(self, name: str) -> str:
        """Say where a file is to be found."""
        return self._paths[name]

    def answer(self, name: str) -> Response:
        """Give a file.

        Raises:
            NotFoundError: there is none of this name and content.
        """
        found = self._contents.get(name)
        if found is None:
            raise NotFoundError
        content, media_type = found
        return Response(content, media_type=media_type, headers={"cache-control": _FOR_EVER})
