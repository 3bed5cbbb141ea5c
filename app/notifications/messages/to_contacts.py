"""Writing to a clinic's own people: the safety contact and the second contact."""

from collections.abc import Collection
from datetime import datetime

from app.access.clinics.contacts import Role
from app.access.clinics.queries import clinic_in
from app.foundation.audit import SYSTEM
from app.foundation.vault import Vault
from app.notifications.messages.wording import staff_page
from app.outbox import DEFAULT_LANGUAGE, Channel, NewMessage, Wording, queue_message
from app.storage.engine.unit_of_work import UnitOfWork

BOTH = frozenset(Role)


async def notify_contacts(
    work: UnitOfWork,
    vault: Vault,
    roles: Collection[Role],
    wording: Wording,
    *,
    link: str,
    mode: str,
    now: datetime,
) -> int:
    """Write to these contacts once this transaction commits; where none of them is named, to whoever is.

    Where ``link`` is an address of the API, people get the page of the same. Gives how many are written to: none
    in a test clinic that has named nobody yet.
    """
    named = (await clinic_in(work, vault)).contacts
    asked = [contact for role, contact in named.items() if role in roles]
    people = asked or list(named.values())
    for contact in people:
        message = NewMessage(
            channel=Channel.EMAIL,
            to=contact.email,
            wording=wording,
            locale=DEFAULT_LANGUAGE,
            link=staff_page(link),
            mode=mode,
        )
        await queue_message(work, vault, message, now=now)
        work.audit(f"contact.notified_{wording.value}", "clinic", work.clinic_id, actor=SYSTEM)
    return len(people)
