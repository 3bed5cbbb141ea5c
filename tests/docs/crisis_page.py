"""The page docs/crisis-help.md, made from the one table of crisis lines."""

from pathlib import Path
from typing import Final

from app.foundation.zones import country_names
from app.notifications.messages.national_crisis_lines import NATIONAL_HELP
from tests.docs.clinical_pages import MADE, table

PAGE: Final = Path(__file__).parents[2] / "docs" / "crisis-help.md"


def crisis_page() -> str:
    """Every country that was verified: its line, its emergency number, the pages that were read, the day."""
    rows = [
        (
            country_names()[code],
            f"{one.name}: {one.number}" + (f", {one.hours}" if one.hours else ""),
            one.emergency,
            f"{one.line_page}; {one.emergency_page}",
            one.read_on.isoformat(),
        )
        for code, one in sorted(NATIONAL_HELP.items(), key=lambda item: country_names()[item[0]])
    ]
    parts = [
        MADE,
        "# Crisis help by country",
        (
            "Help goes by where the patient is: the country that someone chose for them, else that of their time "
            "zone, else the clinic's. A country that is not in this table is unknown: its people get the clinic's own "
            "number and are sent to their local emergency number. A clinic may put its own lines in the place of any "
            "of these (`PATCH /v1/clinic`, `crisis_lines`). Numbers change: each release reads the pages again. They "
            "were read as stored copies, so a clinic calls its own line once before it goes live."
        ),
        table([("country", "line", "emergency", "pages", "read on"), *rows]),
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(crisis_page(), "utf-8")
