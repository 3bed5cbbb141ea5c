"""Templates in the reader's language: each is written in English and compiled once a language.

What a template says between tags, in the attributes that a person hears or reads, and in its own constants is
looked up in the language's catalogue while it is compiled, so that a page costs the same in every language.
A sentence ends at a tag; an expression in it is a place, named as the expression is: ``{{ device.since }}`` is
``{since}``.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from string import Formatter
from typing import Final

from jinja2 import Environment, nodes

# Gives the translation of an English message, or None; the line says where it stands.
LookUp = Callable[[str, int], str | None]

_READ_ATTRIBUTES: Final = frozenset({"aria-label", "title", "alt", "placeholder", "data-l", "label"})
_CODE: Final = frozenset({"script", "style", "code", "pre", "kbd"})
_LETTER: Final = re.compile(r"[^\W\d_]{2}")
_ENTITY: Final = re.compile(r"&#?\w+;")
_SENTENCE: Final = re.compile(r"[A-Z]-?[a-z]|[A-Za-z,.]+ [A-Za-z]")
_WRITTEN_ATTRIBUTE: Final = re.compile(r"\s*[\w-]+=\"")
_TAG_NAME: Final = re.compile(r"</?([a-zA-Z0-9]*)")
_ATTRIBUTE: Final = re.compile(r"([\w-]+)\s*=\s*([\"'])$")
# Before a period that follows what is filled in: no character that anybody writes.
_MAY_END: Final = "\ufdd0"
_PERIOD: Final = re.compile(r"((?:</\w+>)*)\.(?!\.)")
_DOUBLED: Final = re.compile(rf"(\.(?:</\w+>)*){_MAY_END}\.")
# What these hold is compared with, never read.
_NOT_SHOWN: Final = (nodes.Compare, nodes.Test)


def translate_template(tree: nodes.Template, look_up: LookUp) -> nodes.Template:
    """Put a language's words into a parsed template, in place."""
    _Walk(look_up).over(tree.body)
    return tree


def mark_periods(tree: nodes.Template) -> nodes.Template:
    """Mark each period that follows what is filled in, in place: `with_single_periods` finds them in the page."""
    for output in tree.find_all(nodes.Output):
        for part in output.nodes:
            if isinstance(part, nodes.TemplateData) and (begins := _PERIOD.match(part.data)):
                part.data = f"{begins[1]}{_MAY_END}{part.data[begins.end(1) :]}"
    return tree


def with_single_periods(page: str) -> str:
    """Leave out the period of a sentence whose last value ended in one ("7:00 p. m."), and the marks."""
    return _DOUBLED.sub(r"\1", page).replace(_MAY_END, "") if _MAY_END in page else page


def template_messages(environment: Environment, source: str) -> list[tuple[int, str]]:
    """List what a template says, each with its line, in the order of the template."""
    found: list[tuple[int, str]] = []

    def note(message: str, line: int) -> None:
        found.append((line, message))

    translate_template(Environment.parse(environment, source), note)
    return found


@dataclass(slots=True)
class _Run:
    """A stretch of text and expressions between two tags, or within one attribute."""

    parts: list[nodes.Expr] = field(default_factory=list)

    def message(self) -> tuple[str, dict[str, nodes.Expr]]:
        """Give it as one message, with the expression of each place."""
        text, places = "", dict[str, nodes.Expr]()
        for part in self.parts:
            if isinstance(part, nodes.TemplateData):
                text += part.data
                continue
            name = _name_of(part)
            while not name or (name in places and places[name] != part):
                name = f"value{len(places) + 1}"
            places[name] = part
            text += f"{{{name}}}"
        return " ".join(text.split()), places


def _name_of(expression: nodes.Expr) -> str:
    if isinstance(expression, nodes.Name):
        return expression.name
    if isinstance(expression, nodes.Getattr):
        return expression.attr
    return ""


def _is_said(text: str) -> bool:
    # Our own name is the same in every language; a block or macro may write an attribute.
    plain = _ENTITY.sub("", text.replace("Afterglow", ""))
    return _LETTER.search(plain) is not None and _WRITTEN_ATTRIBUTE.match(text) is None


class _Walk:
    """Goes through a template in its order, and keeps in mind whether that is within a tag."""

    def __init__(self, look_up: LookUp) -> None:
        self._look_up = look_up
        self._tag: str | None = None
        self._quote, self._attribute = "", ""
        self._code = ""

    def over(self, body: list[nodes.Node]) -> None:
        for node in body:
            if isinstance(node, nodes.Output):
                node.nodes = list(self._output(node))
                continue
            for child in node.iter_child_nodes():
                if isinstance(child, nodes.Expr):
                    self._constants(child)
            before = (self._tag, self._quote, self._attribute, self._code)
            for name in ("body", "elif_", "else_"):
                inner = getattr(node, name, None)
                if inner:
                    (self._tag, self._quote, self._attribute, self._code) = before
                    self.over(inner)

    # A run is read until a tag begins or ends; then it is written, in the words of the language.
    def _output(self, node: nodes.Output) -> Iterator[nodes.Expr]:
        run = _Run()
        for part in node.nodes:
            if not isinstance(part, nodes.TemplateData):
                if self._reads():
                    self._constants(part, in_text=True)
                    run.parts.append(part)
                else:
                    self._constants(part)
                    yield part
                continue
            for shown, text in self._pieces(part.data):
                piece = nodes.TemplateData(text, lineno=part.lineno)
                if shown:
                    run.parts.append(piece)
                    continue
                yield from self._written(run)
                run = _Run()
                yield piece
        yield from self._written(run)

    def _written(self, run: _Run) -> Iterator[nodes.Expr]:
        said = any(isinstance(part, nodes.TemplateData) and _is_said(part.data) for part in run.parts)
        if not said:
            yield from run.parts
            return
        message, places = run.message()
        line = run.parts[0].lineno
        translated = self._look_up(message, line)
        if translated is None:
            yield from run.parts
            return
        before, after = _blanks_around(run)
        yield nodes.TemplateData(before, lineno=line)
        for text, name, _, _ in Formatter().parse(translated):
            yield nodes.TemplateData(text, lineno=line)
            if name is not None:
                yield places[name]
        yield nodes.TemplateData(after, lineno=line)

    def _reads(self) -> bool:
        if self._code:
            return False
        return self._tag is None or (bool(self._quote) and self._attribute in _READ_ATTRIBUTES)

    def _pieces(self, data: str) -> Iterator[tuple[bool, str]]:
        """Split into what is read and what is markup."""
        start = 0
        for at, character in enumerate(data):
            shown, ends = self._reads(), at
            if self._tag is None and character == "<":
                self._tag = self._opened(data[at:])
            elif self._quote:
                if character != self._quote:
                    continue
                self._quote, self._attribute = "", ""
            elif self._tag is not None and character in "\"'":
                match = _ATTRIBUTE.search(data[: at + 1])
                self._quote, self._attribute = character, match[1] if match else ""
                ends = at + 1
            elif self._tag is not None and character == ">":
                self._close()
                ends = at + 1
            else:
                continue
            if ends > start:
                yield shown, data[start:ends]
                start = ends
        if start < len(data):
            yield self._reads(), data[start:]

    def _opened(self, rest: str) -> str:
        match = _TAG_NAME.match(rest)
        return rest[: match.end()].lower() if match else "<"

    def _close(self) -> None:
        tag, self._tag = self._tag or "", None
        name = tag.strip("</")
        if tag.startswith("</") and name == self._code:
            self._code = ""
        elif name in _CODE and not self._code and not tag.startswith("</"):
            self._code = name

    def _constants(self, node: nodes.Node, *, in_text: bool = False) -> None:
        """Translate what an expression says by itself: a choice between words, a word given to a macro."""
        if isinstance(node, nodes.Const) and isinstance(node.value, str):
            if (in_text or _SENTENCE.search(node.value)) and _is_said(node.value):
                node.value = self._look_up(node.value, node.lineno) or node.value
            return
        if isinstance(node, _NOT_SHOWN):
            return
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == "say":
            if node.kwargs and isinstance(node.args[0], nodes.Const):
                # Filled in when it is shown: the words are looked up then.
                self._look_up(node.args[0].value, node.lineno)
                return
            in_text = True
        elif not isinstance(
            node, nodes.Or | nodes.Concat | nodes.CondExpr | nodes.Filter | nodes.Getitem | nodes.Dict
        ):
            in_text = False
        for child in _shown_parts(node):
            self._constants(child, in_text=in_text)


def _shown_parts(node: nodes.Node) -> Iterator[nodes.Node]:
    """Give what an expression may show; not what it decides, selects or filters by."""
    if isinstance(node, nodes.CondExpr):
        yield node.expr1
        if node.expr2 is not None:
            yield node.expr2
    elif isinstance(node, nodes.Filter | nodes.Getitem | nodes.Getattr):
        if node.node is not None:
            yield node.node
    elif isinstance(node, nodes.Dict):
        yield from (pair.value for pair in node.items)
    else:
        yield from node.iter_child_nodes()


def _blanks_around(run: _Run) -> tuple[str, str]:
    first, last = run.parts[0], run.parts[-1]
    before = first.data if isinstance(first, nodes.TemplateData) else ""
    after = last.data if isinstance(last, nodes.TemplateData) else ""
    return before[: len(before) - len(before.lstrip())], after[len(after.rstrip()) :]
