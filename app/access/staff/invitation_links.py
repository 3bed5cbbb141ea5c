"""The link of an invitation: one at a time a member, kept as a digest, mailed where there is a mail server."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from app.access.clinics.service import clinic_in
from app.access.staff.members import Member, locked, shown, staff_event
from app.context import AppContext
from app.foundation.audit import Actor
from app.foundation.ids import new_id
from app.foundation.tokens import TokenKind, new_token
from app.outbox import DEFAULT_LANGUAGE, Channel, NewMessage, Wording, queue_message
from app.storage import staff_invitations
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.staff_invitations import StaffInvitation
from app.storage.staff_members import StaffMember

LASTS: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """A member with a link that lets them in; ``sent`` says whether it is on its way by mail, too."""

    member: Member
    invite_url: str = field(repr=False)
    expires_at: datetime
    sent: bool


async def link_for(
    work: UnitOfWork, context: AppContext, member: StaffMember, *, actor: Actor, now: datetime
) -> Invited:
    """Make the one link of a member that works, have it mailed, and commit."""
    text, reference = new_token(TokenKind.STAFF_INVITATION, work.clinic_id)
    invitation = StaffInvitation(
        id=new_id(),
        staff_id=member.id,
        digest=reference.digest,
        made_at=now,
        expires_at=now + LASTS,
        ended_at=None,
    )
    audit = staff_event(now, actor, "staff.invitation_made", member.id)
    await staff_invitations.end_all(work, member.id, now=now, audit=audit)
    await staff_invitations.add(work, invitation, audit=audit)
    url = f"{context.public_url}/care/join/{text}"
    kept = shown(context.vault, work.clinic_id, await locked(work, member.id))
    sent = await _send(work, context, kept, invitation, url, actor=actor)
    await work.commit()
    return Invited(member=kept, invite_url=url, expires_at=invitation.expires_at, sent=sent)


async def _send(
    work: UnitOfWork,
    context: AppContext,
    member: Member,
    invitation: StaffInvitation,
    url: str,
    *,
    actor: Actor,
) -> bool:
    """Have a link mailed, where a mail server is set up; says whether it will be."""
    if context.mail is None:
        return False
    clinic = await clinic_in(work, context.vault)
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
    now = invitation.made_at
    audit = staff_event(now, actor, "staff.invitation_queued", member.id)
    await queue_message(work, context.vault, message, now=now, audit=audit)
    return True
