"""Rules of form: names that say something, no endless file or function, reasons for exceptions."""

import ast
import io
import re
import tokenize
from typing import Final

import pytest

from tests.house.sources import CHECKOUT, Function, Source, parsed, sources

EMPTY_NAMES: Final = {
    "utils", "util", "helpers", "helper", "common", "core", "manager", "managers", "handler", "handlers", "processor",
    "processors", "misc", "base", "tools", "lib", "shared", "stuff", "models", "types", "constants",
}  # fmt: skip
LONGEST_FILE, LONGEST_FUNCTION = 500, 50
_EXCUSE: Final = re.compile(r"#\s*(type:\s*ignore|noqa)")
# What is switched off, and after it the reason.
_EXPLAINED: Final = re.compile(r"(noqa: [A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)*|ignore\[[a-z-, ]+\])\s+(-|--|#) \S+")


def lines_of(node: ast.Module | Function) -> int:
    """Count the lines of a file or function without its docstring."""
    first, last = node.body[0], node.body[-1]
    begin = 1 if isinstance(node, ast.Module) else node.lineno
    total = (last.end_lineno or last.lineno) - begin + 1
    if ast.get_docstring(node) is not None:
        total -= (first.end_lineno or first.lineno) - first.lineno + 1
    return total


def excuses_without_reason(source: Source) -> list[str]:
    """Find switched-off checks that do not say on their line which check, and why."""
    found: list[str] = []
    text = "\n".join(source.lines) + "\n"
    if not _EXCUSE.search(text):  # most files have none, and taking one apart takes long
        return found
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        excuse = token.type == tokenize.COMMENT and _EXCUSE.search(token.string)
        if excuse and not _EXPLAINED.search(token.string):
            found.append(f"{source.path.name}:{token.start[0]}")
    return found


def everything() -> list[Source]:
    return [*sources("app"), *sources("migrations"), *sources("tests")]


def test_no_module_has_a_name_that_says_nothing() -> None:
    parts = {part for source in sources() for part in source.name.split(".")[1:]}
    assert parts & EMPTY_NAMES == set()


def test_no_file_has_more_than_500_lines() -> None:
    sizes = {
        source.path.relative_to(CHECKOUT).as_posix(): lines_of(source.tree)
        for source in everything()
        if source.tree.body
    }
    assert {path: lines for path, lines in sizes.items() if lines > LONGEST_FILE} == {}


def test_no_function_has_more_than_50_lines() -> None:
    sizes = {
        f"{source.name}.{function.name}": lines_of(function)
        for source in sources()
        for function in source.functions()
    }
    assert {name: lines for name, lines in sizes.items() if lines > LONGEST_FUNCTION} == {}


def test_every_check_that_is_switched_off_says_which_and_why() -> None:
    assert [place for source in everything() for place in excuses_without_reason(source)] == []


@pytest.mark.parametrize(
    "line",
    ["x = 1  # noqa", "x = 1  # noqa: S101", "x = 1  # type: ignore", "x = 1  # type: ignore[arg-type]"],
)
def test_a_check_that_is_switched_off_in_silence_would_be_noticed(line: str) -> None:
    assert excuses_without_reason(parsed(line))


@pytest.mark.parametrize(
    "line",
    [
        "x = 1  # noqa: S101 - ours",
        "x = 1  # noqa: A001, B002 - both",
        "x = 1  # type: ignore[misc] # checked",
    ],
)
def test_a_check_that_is_switched_off_with_a_reason_passes(line: str) -> None:
    assert excuses_without_reason(parsed(line)) == []


def test_every_file_says_what_it_is_for() -> None:
    assert [
        source.name for source in everything() if source.lines and not ast.get_docstring(source.tree)
    ] == []


def test_tests_use_no_mocks() -> None:
    found = [
        s.name for s in sources("tests") if any(name.startswith("unittest.mock") for name in s.imports())
    ]
    assert found == []


def unknown_fields(source: Source, known: set[str]) -> list[str]:
    """Find names quoted in the docstring of a record that neither it nor its package has."""
    return [
        f"{node.name}: {quoted}"
        for node in source.nodes
        if isinstance(node, ast.ClassDef)
        for quoted in re.findall(r"`([a-z]\w*)`", ast.get_docstring(node) or "")
        if quoted not in known
    ]


def words_of(source: Source) -> set[str]:
    """Collect the identifiers and one-word texts of a file, without its docstrings."""
    tokens = tokenize.generate_tokens(io.StringIO("\n".join(source.lines) + "\n").readline)
    return {token.string.strip("\"'") for token in tokens if token.type in {tokenize.NAME, tokenize.STRING}}


def test_a_record_of_the_core_documents_no_field_that_does_not_exist() -> None:
    core = [source for source in sources() if source.name.startswith("app.clinical.")]
    known = {word for source in core for word in (*words_of(source), *source.name.split("."))}
    assert [place for source in core for place in unknown_fields(source, known)] == []


def test_a_field_that_does_not_exist_would_be_noticed() -> None:
    text = 'class Exposure:\n    """`total` counts all; `last_hours` are none."""\n    total: int'
    assert unknown_fields(parsed(text), {"total"}) == ["Exposure: last_hours"]
