"""The key by which the database knows that a transaction is of the clinic it names: the owner's, one row."""

import psycopg
from sqlalchemy import CheckConstraint
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import FRONT_DESK, Row


class TenantKeyRow(Row):
    """The one key. The application's role has no right to this table at all."""

    __tablename__ = "tenant_keys"
    __table_args__ = (CheckConstraint("id", name="only_one"), {"schema": FRONT_DESK})

    id: Mapped[bool] = mapped_column(primary_key=True)
    key: Mapped[bytes]


def install(owner_url: str, key: bytes) -> None:
    """Have the database ask for proofs by this key from now on; as the owner."""
    plain = make_url(owner_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as connection:
        connection.execute(
            "INSERT INTO front_desk.tenant_keys (id, key) VALUES (true, %s)"
            " ON CONFLICT (id) DO UPDATE SET key = excluded.key WHERE tenant_keys.key <> excluded.key",
            [key],
        )
