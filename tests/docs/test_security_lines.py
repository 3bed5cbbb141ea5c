"""The security standards are gone through line by line, and each test that is named exists."""

import re
from collections import Counter
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "security-lines.md"
CRYPTOGRAPHY: Final = re.compile(
    r"^\s*(?:import|from) (?:cryptography|hmac|argon2|pyotp|standardwebhooks|webauthn|http_ece)\b",
    re.MULTILINE,
)
# OWASP ASVS 5.0: the lines of levels 1 and 2.
LINES: Final = 253


def test_every_line_says_whether_it_is_met_and_no_line_is_there_twice() -> None:
    rows = re.findall(
        r"^\| (\d+\.\d+\.\d+) \| L[12] \| ([a-z/ ]+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE
    )
    assert len(rows) == len({number for number, _, _ in rows}) == LINES
    counts = Counter(status for _, status, _ in rows)
    assert set(counts) == {"met", "partly", "not met", "n/a"}
    said = ", ".join(f"{counts[status]} {status}" for status in ("met", "partly", "not met", "n/a"))
    assert f"{LINES} lines: {said}." in PAGE.read_text()


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"\(\.\./(tests/[^)]+)\)", PAGE.read_text())
    assert named
    assert [path for path in named if not (PAGE.parents[1] / path).is_file()] == []


def test_the_inventory_of_cryptography_names_every_module_that_uses_some() -> None:
    security = (ROOT / "SECURITY.md").read_text()
    named = set(
        re.findall(
            r"`(app/[a-z_/]+\.py)`", security.partition("an inventory")[2].partition("## Standards")[0]
        )
    )
    using = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "app").rglob("*.py")
        if CRYPTOGRAPHY.search(path.read_text())
    }
    assert using <= named
    assert {path for path in named if not (ROOT / path).is_file()} == set()
