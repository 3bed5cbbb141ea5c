"""The link of an invitation: one at a time a member, kept as a digest, mailed where there is a mail server."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from app.access.clinics.queries import clinic_in
from app.access.staff.members import Member, locked, shown
from app.context import Work
from app.foundation.ids import new_id
from app.foundation.tokens import TokenKind, new_token
from app.outbox import DEFAULT_LANGUAGE, Channel, NewMessage, Wording, queue_message
from app.storage import staff_invitations
from app.storage.staff_invitations import StaffInvitation
from app.storage.staff_members import StaffMember

LASTS: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """A member with the link to join by; ``sent`` says whether it is on its way by mail, too."""

    member: Member
    invite_url: str = field(repr=False)
    expires_at: datetime
    sent: bool


async def link_for(work: Work, member: StaffMember) -> Invited:
    """Make the one link of a member that works, and have it mailed."""
    text, reference = new_token(TokenKind.STAFF_INVITATION, work.clinic_id)
    invitation = StaffInvitation(
        id=new_id(),
        staff_id=member.id,
        digest=reference.digest,
        made_at=work.now,
        expires_at=work.now + LASTS,
        ended_at=None,
    )
    await staff_invitations.end_all(work, member.id, now=work.now)
    await staff_invitations.add(work, invitation)
    work.audit("staff.invitation_made", "staff", member.id)
    url = f"{work.public_url}/care/join/{text}"
    kept = shown(work.vault, work.clinic_id, await locked(work, member.id))
    sent = await _send(work, kept, invitation, url)
    return Invited(member=kept, invite_url=url, expires_at=invitation.expires_at, sent=sent)


async def _send(work: Work, member: Member, invitation: StaffInvitation, url: str) -> bool:
    """Have a link mailed, where a mail server is set up; says whether it will be."""
    if work.context.mail is None:
        return False
    clinic = await clinic_in(work, work.vault)
    message = NewMessage(
        channel=Channel.EMAIL,
        to=member.email,
        wording=Wording.STAFF_INVITATION,
        locale=DEFAULT_LANGUAGE,
        link=url,
        mode=clinic.mode,
        subject_id=invitation.id,
        not_after=invitation.expires_at,
    )
    await queue_message(work, work.vault, message, now=work.now)
    work.audit("staff.invitation_queued", "staff", member.id)
    return True
