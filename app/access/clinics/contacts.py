"""The people of a clinic who are notified when nobody answers: the safety contact and the second contact."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from app.foundation.translations import say
from app.foundation.vault import Vault
from app.storage.clinics import ClinicProfile


class Role(StrEnum):
    """Which of the two someone is; the value is the field's name in the clinic's profile."""

    SAFETY = "safety_contact"
    SECOND = "second_contact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Someone of the clinic who can be reached. ``phone`` is for people; we write e-mails."""

    name: str
    email: str
    phone: str | None = None

    def is_same_person(self, other: "Contact") -> bool:
        """Say whether a message to one would be a message to the other: the same name or the same address."""
        return (
            self.name.strip().casefold() == other.name.strip().casefold()
            or self.email.casefold() == other.email.casefold()
        )


Contacts = Mapping[Role, Contact]

_TABLE: Final = "clinic_profiles"


def seal_contact(vault: Vault, clinic_id: UUID, role: Role, contact: Contact | None) -> bytes | None:
    """Seal a contact for its own column."""
    if contact is None:
        return None
    text = json.dumps(asdict(contact))
    return vault.seal(text, table=_TABLE, column=f"{role}_sealed", clinic_id=clinic_id, row_id=clinic_id)


def open_contacts(vault: Vault, clinic_id: UUID, profile: ClinicProfile) -> Contacts:
    """Open the contacts that a clinic gave."""
    found: dict[Role, Contact] = {}
    for role in Role:
        sealed: bytes | None = getattr(profile, f"{role}_sealed")
        if sealed is not None:
            text = vault.open(
                sealed, table=_TABLE, column=f"{role}_sealed", clinic_id=clinic_id, row_id=clinic_id
            )
            found[role] = Contact(**json.loads(text))
    return found


def missing_contacts(contacts: Contacts) -> list[dict[str, Any]]:
    """Find what a live clinic's contacts lack, each with its place in the clinic's profile."""
    found = [
        {"pointer": f"#/{role}", "code": f"{role}-missing".replace("_", "-"), "detail": _MISSING[role]}
        for role in Role
        if role not in contacts
    ]
    if not found and contacts[Role.SAFETY].is_same_person(contacts[Role.SECOND]):
        found.append({"pointer": f"#/{Role.SECOND}", "code": "second-contact-same", "detail": _SAME})
    return found


_MISSING: Final = {
    Role.SAFETY: say("Name a safety contact, with an e-mail address."),
    Role.SECOND: say("Name a second contact, with an e-mail address."),
}
_SAME: Final = say(
    "The second contact must be another person with another e-mail address than the safety contact."
)
