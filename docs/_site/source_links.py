"""Hooks of mkdocs: links that leave the docs lead to the source, and pictures are those that the browser tests took.

A file or a picture that is not there is a broken link.
"""

import logging
import re
from pathlib import Path
from posixpath import normpath
from typing import Any

from mkdocs.structure.files import File

_LOG = logging.getLogger("mkdocs.hooks.source_links")
_LINK = re.compile(r"\]\(((?:\.\./)+[^)#\s]+)(#[^)\s]*)?\)")
_SOURCE = "https://afterglow.example/source"
_TAKEN = Path("build/screenshots")


def on_files(files: Any, *, config: Any) -> Any:
    """Let ``pictures/`` be what the browser tests took (``make pictures``)."""
    taken = Path(config["docs_dir"]).parent / _TAKEN
    for path in sorted(taken.rglob("*.png")):
        name = f"pictures/{path.relative_to(taken).as_posix()}"
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: object) -> str:
    """Rewrite one page's links to files outside the docs."""
    root = Path(config["docs_dir"]).parent

    def lead_on(link: re.Match[str]) -> str:
        target = normpath(f"docs/{Path(page.file.src_uri).parent}/{link[1]}")
        if target.startswith("docs/") and not target.startswith("docs/receivers"):
            return link[0]
        if not (root / target).exists():
            _LOG.warning("%s leads to %s, which is not there", page.file.src_uri, target)
        return f"]({_SOURCE}/{target}{link[2] or ''})"

    return _LINK.sub(lead_on, markdown)
