"""The questions about who a patient is, asked when registering and when changing."""

from typing import Final

from app.foundation.zones import choosable_zones
from app.pages.staff.asked_form import Field

ZONE: Final = Field(
    name="time_zone",
    label="Time zone",
    kind="zone",
    hint="Where the patient lives, such as America/New_York.",
    wrong="Please choose a zone from the list, such as America/New_York.",
    choices=tuple((name, name) for name in choosable_zones()),
)
LOCALE: Final = Field(
    name="locale",
    label="Language and region",
    hint="Such as en-US or es-MX. The patient's pages and messages speak English or Spanish.",
    wrong="Like en-US: a language, a hyphen, a region.",
)
EMAIL: Final = Field(
    name="email",
    label="E-mail, if the patient likes",
    kind="email",
    hint="For sign-in links and reminders, which say nothing clinical.",
    wrong="This is not one e-mail address, such as name@example.org.",
)
