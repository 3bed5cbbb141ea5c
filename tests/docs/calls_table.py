"""The table of calls in docs/api.md, made from the OpenAPI document: by who calls, then by path."""

import re
from pathlib import Path
from typing import Final

from tests.support.the_api import document

PAGE: Final = Path(__file__).parents[2] / "docs" / "api.md"
_CALLERS: Final = {
    "the clinic, with its key or a member's session": {"ClinicKey", "StaffSession"},
    "the patient, with a device": {"DeviceToken"},
    "anybody": set[str](),
}
_TABLE: Final = re.compile(r"\| call \| what it does \|\n(?:\|.*\n)+")


def calls_table() -> str:
    """Every call of the API with its summary."""
    lines = ["| call | what it does |", "|---|---|"]
    for caller, schemes in _CALLERS.items():
        lines.append(f"| **{caller}** | |")
        lines += [
            f"| `{method.upper()} {path}` | {operation['summary']} |"
            for path, operations in sorted(document()["paths"].items())
            for method, operation in operations.items()
            if _may_call(operation, schemes)
        ]
    return "\n".join(lines) + "\n"


def page_with_calls(page: str) -> str:
    """Give the page with its table as it has to be."""
    return _TABLE.sub(lambda _: calls_table(), page)


def _may_call(operation: dict[str, object], schemes: set[str]) -> bool:
    wanted = operation.get("security")
    named = {name for one in wanted for name in one} if isinstance(wanted, list) else set()
    return bool(named & schemes) if schemes else not named


if __name__ == "__main__":
    PAGE.write_text(page_with_calls(PAGE.read_text("utf-8")), "utf-8")
