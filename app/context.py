"""What a process gives to every request: made once, in ``asgi.py`` or ``worker.py``."""

from dataclasses import dataclass

from app.clinical.protocol import STANDARD, Protocol
from app.foundation.clock import Clock
from app.foundation.relays import GatewayRelay, MailRelay
from app.foundation.vault import Vault
from app.storage.engine.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class AppContext:
    """Database, key, clock and the few settings that services need; never the settings themselves."""

    database: Database
    vault: Vault
    clock: Clock
    public_url: str
    # Networks that a webhook may reach besides public ones, as the operator wrote them.
    webhook_allow: str = ""
    # The operator's mail server and gateway; without one, what would go there waits.
    mail: MailRelay | None = None
    gateway: GatewayRelay | None = None
    protocol: Protocol = STANDARD
