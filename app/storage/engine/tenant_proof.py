"""The proof that a transaction is of the clinic that it names, as `front_desk.tenant()` asks for it."""

import hashlib
from typing import Final
from uuid import UUID

UNSEEN: Final = " " * 1024
"""Stands before the proof: what the server shows of a running statement (track_activity_query_size) ends in it."""


class TenantProof:
    """Makes proofs with the key that the owner installed; without a key the clinic's id stands alone.

    ``through_pooler``: the connection's backend is another one in each transaction, and has to be asked for.
    """

    def __init__(self, key: bytes | None, *, through_pooler: bool = False) -> None:
        self.key = key
        self.through_pooler = through_pooler

    def said(self, clinic_id: UUID, backend_pid: int) -> str:
        """Give what app.clinic_id is set to, on the connection that this backend serves."""
        name = str(UUID(str(clinic_id)))
        if self.key is None:
            return name
        # Between two keys of fixed length: nothing can be put before or behind what was proved.
        message = self.key + f"{name}.{backend_pid}".encode() + self.key
        return f"{name}.{hashlib.sha256(message).hexdigest()}"
