"""docs/errors.md, made from the code: every problem that an answer can name."""

from pathlib import Path
from typing import Final

import app.asgi  # noqa: F401 - imports every part that refuses something
from app.web.problems import field_codes, known_problems

PAGE: Final = Path(__file__).parents[2] / "docs" / "errors.md"
_HEAD: Final = """# Errors

Made from the code by `make docs`. Whatever is refused is answered as `application/problem+json` (RFC 9457). Its `type` is one
of these paths, the same in every installation; opened at the service, it is a page. `errors` says where in the body (a JSON
pointer) or in which parameter, each with a code: one of these without `/problems/`, or one of the list below.
Neither ever repeats a value that was sent.
"""


def problems_page() -> str:
    """The page as it has to be."""
    lines = [_HEAD, "| type | status | meaning |", "|---|---|---|"]
    lines += [f"| `{one.path}` | {one.status} | {_cell(one.detail)} |" for one in known_problems()]
    lines += ["", "## Codes of single fields", "", "| code | meaning |", "|---|---|"]
    lines += [f"| `{code}` | {_cell(detail)} |" for code, detail in field_codes().items()]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(problems_page(), "utf-8")
