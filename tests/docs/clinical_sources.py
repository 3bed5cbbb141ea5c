"""What the clinical pages read from the core's own sources: which function makes a reason or reads a number."""

import ast
import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache

from app.clinical import protocol, reason_codes
from app.clinical.finding_numbers import FindingNumbers
from app.clinical.protocol_versions import numbers_of
from app.clinical.reason_codes import ReasonCode
from app.clinical.reasons import REASONS
from tests.house.sources import Function, Source, in_package

NUMBERS = tuple(number.name for number in numbers_of())


@dataclass(frozen=True)
class Place:
    """One function of the core with the first sentence of its docstring."""

    module: str
    name: str
    says: str

    def __str__(self) -> str:
        """As a link to its file, from docs/clinical."""
        return f"[`{self.module}.{self.name}`](../../app/clinical/{self.module.replace('.', '/')}.py)"


@cache
def makers() -> Mapping[str, tuple[Place, ...]]:
    """For each reason code the functions that give this reason."""
    found: dict[str, list[Place]] = {code.value: [] for code in ReasonCode}
    codes = {one.__name__: code.value for code, one in REASONS.items()}
    for source, function in _functions():
        if source.path.stem in {"explanation", "reasons", "headline"}:
            continue  # one words them, the other lists them
        for name in sorted(_calls(function) & codes.keys()):
            found[codes[name]].append(_place(source, function))
    return {code: tuple(places) for code, places in found.items()}


@cache
def readers() -> Mapping[str, tuple[Place, ...]]:
    """For each number of the protocol the functions that read it."""
    found: dict[str, list[Place]] = {name: [] for name in NUMBERS}
    for source, function in _functions():
        if source.path.stem not in {"protocol", "finding_numbers", "own_numbers"}:
            for name in _attributes(function, of="protocol") & found.keys():
                found[name].append(_place(source, function))
    return {name: tuple(places) for name, places in found.items()}


def called_by(places: tuple[Place, ...]) -> set[Place]:
    """The functions of the core that these call by name."""
    calls = {
        name
        for source, function in _functions()
        if _place(source, function) in places
        for name in _calls(function)
    }
    return {_place(source, function) for source, function in _functions() if function.name in calls}


@cache
def facts_of() -> Mapping[str, str]:
    """For each reason code the numbers it carries, as its class has them."""
    return {code.value: ", ".join(one.name for one in fields(kind)) for code, kind in REASONS.items()}


def reason_groups() -> dict[str, list[ReasonCode]]:
    """The reason codes under the headings that their list gives them."""
    groups = _grouped(inspect.getsource(reason_codes.ReasonCode), r"    ([A-Z_]+) = ")
    return {heading: [ReasonCode[name] for name in names] for heading, names in groups.items()}


def number_groups() -> dict[str, list[str]]:
    """The numbers of the protocol under the headings that their page gives them."""
    return _grouped(
        inspect.getsource(FindingNumbers) + inspect.getsource(protocol.Protocol),
        r"    ([a-z_]+): (?:float|int) = (?:number|count|choice)\(",
    )


def _grouped(source: str, entry: str) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    heading = ""
    for line in source.splitlines():
        if said := re.fullmatch(r"    # (.+)", line):
            heading = said[1]
        elif named := re.match(entry, line):
            groups.setdefault(heading, []).append(named[1])
    return groups


@cache
def _functions() -> tuple[tuple[Source, Function], ...]:
    return tuple((source, function) for source in in_package("clinical") for function in source.functions())


@cache
def _calls(function: Function) -> frozenset[str]:
    """The functions that it calls by name."""
    return frozenset(
        node.func.id
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    )


def _attributes(function: Function, *, of: str) -> set[str]:
    return {
        node.attr
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == of
    }


@cache
def _place(source: Source, function: Function) -> Place:
    says = (ast.get_docstring(function) or "").split("\n\n")[0].replace("\n", " ")
    return Place(source.name.removeprefix("app.clinical."), function.name, says)
