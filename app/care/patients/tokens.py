"""A device's tokens: access for 15 minutes, refresh tokens that rotate and forgive a lost reply."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.context import AppContext, Work
from app.foundation.audit import Actor, ActorKind
from app.foundation.ids import new_id
from app.foundation.tokens import TokenKind, TokenNotValidError, TokenReference, new_token
from app.storage import device_tokens, devices

ACCESS_LASTS: Final = timedelta(minutes=15)
REFRESH_LASTS: Final = timedelta(days=180)
# How long a spent refresh token still works while its successor was not used: phones lose replies.
GRACE: Final = timedelta(hours=24)
# Two processes of one phone refresh at the same moment, and each goes on with what it got. A thief would have to
# be as quick with a token that was just used.
AT_ONCE: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedTokens:
    """A pair of tokens, as given to the device once; ``expires_in`` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int


async def issue(work: Work, *, device_id: UUID, patient_id: UUID, parent_id: UUID | None) -> IssuedTokens:
    """Make the next pair for a device."""
    access, access_reference = new_token(TokenKind.DEVICE_ACCESS, work.clinic_id)
    refresh, refresh_reference = new_token(TokenKind.DEVICE_REFRESH, work.clinic_id)
    await device_tokens.add_tokens(
        work,
        device_id,
        [
            device_tokens.NewToken(
                id=new_id(),
                kind=kind,
                digest=reference.digest,
                parent_id=parent_id,
                expires_at=work.now + lasts,
            )
            for kind, reference, lasts in (
                ("access", access_reference, ACCESS_LASTS),
                ("refresh", refresh_reference, REFRESH_LASTS),
            )
        ],
        now=work.now,
    )
    _note(work, "tokens.issued", device_id, patient_id)
    return IssuedTokens(
        access_token=access, refresh_token=refresh, expires_in=int(ACCESS_LASTS.total_seconds())
    )


async def refresh(context: AppContext, reference: TokenReference) -> IssuedTokens:
    """Exchange a refresh token for the next pair.

    A token works again until one of its successors was used, at most 24 hours: the reply may have been
    lost. Once a successor was used, or a sibling that was not issued at the same moment, presenting it means
    that two hold it: the family ends.

    Raises:
        TokenNotValidError: unknown, expired, revoked, or reused.
    """
    async with context.work(reference.clinic_id) as work:
        token = await device_tokens.present_refresh_token(work, reference.digest, at_once=AT_ONCE)
        if token is None or token.revoked or token.expires_at <= work.now:
            raise TokenNotValidError
        if token.successor_used or token.sibling_used:
            await devices.revoke(work, token.device_id, now=work.now)
            _note(work, "device.revoked_on_reuse", token.device_id, token.patient_id)
            await work.commit()
            raise TokenNotValidError
        if token.first_used_at is not None and token.first_used_at + GRACE <= work.now:
            raise TokenNotValidError
        await device_tokens.mark_first_use(work, token.id, now=work.now)
        _note(work, "refresh_token.used", token.device_id, token.patient_id)
        return await issue(work, device_id=token.device_id, patient_id=token.patient_id, parent_id=token.id)


def _note(work: Work, action: str, device_id: UUID, patient_id: UUID) -> None:
    """Note in the audit log what the device itself did."""
    device = Actor(kind=ActorKind.DEVICE, id=device_id)
    work.audit(action, "device", device_id, patient_id=patient_id, actor=device)
