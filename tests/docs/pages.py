"""The project's pages and the blocks in them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The clinical pages are made from the core, and the receivers are programs; both have their own tests.
_ELSEWHERE = ("docs/clinical/", "docs/receivers/")
_FENCE = re.compile(
    r"^(?P<fence>`{3,})(?P<language>\w*)\n(?P<text>.*?)^(?P=fence)$", re.MULTILINE | re.DOTALL
)
_MARKER = re.compile(r"<!-- (?P<kind>run|illustrative): (?P<label>[^\n]+?) -->\n$")


@dataclass(frozen=True)
class Block:
    """A fenced block with the marker on the line above it, if there is one."""

    page: str
    language: str
    text: str
    kind: str
    label: str


def pages() -> dict[str, str]:
    """All pages by path."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    texts = {path.relative_to(ROOT).as_posix(): path.read_text() for path in sorted(found)}
    return {name: text for name, text in texts.items() if not name.startswith(_ELSEWHERE)}


def blocks() -> list[Block]:
    """All fenced blocks of all pages."""
    found = []
    for page, text in pages().items():
        for match in _FENCE.finditer(text):
            marker = _MARKER.search(text, 0, match.start())
            kind, label = (marker["kind"], marker["label"]) if marker else ("", "")
            found.append(Block(page, match["language"], match["text"], kind, label))
    return found


def block(name: str, page: str | None = None) -> str:
    """The text of the block that is to be run under this name."""
    (text,) = {
        one.text
        for one in blocks()
        if one.kind == "run" and one.label == name and (page is None or one.page == page)
    }
    return text
