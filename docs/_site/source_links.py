"""A hook of mkdocs: links that leave the docs lead to the source, and a file that is not there is a broken link."""

import logging
import re
from pathlib import Path
from posixpath import normpath
from typing import Any

_LOG = logging.getLogger("mkdocs.hooks.source_links")
_LINK = re.compile(r"\]\(((?:\.\./)+[^)#\s]+)(#[^)\s]*)?\)")
_SOURCE = "https://afterglow.example/source"


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
