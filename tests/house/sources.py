"""Our own sources, parsed once and when a rule looks into them, for the house rules that read them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One file of ours.

    ``package`` is the one it lies in, below ``app`` or below one of its groups such as ``care``, or its own name
    at the top.
    """

    path: Path
    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """The tree's nodes, as ``ast.walk`` gives them: twenty rules look at each of half a million."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def lines(self) -> tuple[str, ...]:
        return tuple(self.text.splitlines())

    @property
    def package(self) -> str:
        return package_of(self.name)

    @property
    def is_service(self) -> bool:
        """Whether this is what a feature does, rather than how it is asked or answered."""
        # `reading.py` is how a package reads what was sent: it turns it into values of the field, and back.
        at_the_edge = ("routes", "schemas", "access", "reading", "middleware")
        return self.package in FEATURES and self.path.stem.rpartition("_")[2] not in at_the_edge

    def functions(self) -> Iterator[Function]:
        return (node for node in self.nodes if isinstance(node, Function))

    def at(self, node: ast.AST) -> str:
        """Name a place so that an editor finds it."""
        return f"{self.path.relative_to(CHECKOUT)}:{getattr(node, 'lineno', 1)}"

    def imports(self) -> Iterator[str]:
        """Give the full name of everything that is imported."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


GROUPS = frozenset({"access", "care", "notifications", "pages"})
FEATURES = frozenset(
    {
        "access.clinics",
        "access.staff",
        "care.alerts",
        "care.assessments",
        "care.check_ins",
        "care.consent",
        "care.insights",
        "care.monitoring",
        "care.patients",
        "care.reminders",
        "care.treatment",
        "care.worklist",
        "notifications.messages",
        "notifications.webhooks",
        "studies",
    }
)


def package_of(name: str) -> str:
    """Name the package that a module of ours, or a name in it, belongs to."""
    parts = name.split(".")[1:]
    return ".".join(parts[: 2 if parts[0] in GROUPS else 1]) if parts else name


@cache
def sources(folder: str = "app") -> tuple[Source, ...]:
    """Read all Python files below a folder of the checkout."""
    return tuple(_read(path) for path in sorted((CHECKOUT / folder).rglob("*.py")))


def in_package(*packages: str) -> list[Source]:
    """Give the files of some packages."""
    return [source for source in sources() if source.package in packages]


def parsed(text: str, name: str = "app.made_up.service") -> Source:
    """Parse a made-up file, to see that a rule would notice what it is there to notice."""
    path = CHECKOUT.joinpath(*name.split(".")).with_suffix(".py")
    return Source(path=path, name=name, text=text)


def called(node: ast.Call) -> str:
    """Give the last part of the name that is called: ``insert`` of ``postgresql.insert(...)``."""
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def dotted(node: ast.expr) -> str:
    """Write a name with its dots; empty for anything that is more than a name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def _read(path: Path) -> Source:
    text = path.read_text("utf-8")
    parts = path.relative_to(CHECKOUT).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Source(path=path, name=name, text=text)
