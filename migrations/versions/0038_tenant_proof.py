"""The policies ask a function which clinic a transaction is of, and it asks for a proof that the role cannot make.

Revision ID: 0038
Revises: 0037
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from app.storage.engine.migration_steps import (
    TENANT_BY_ID,
    TENANT_BY_PROOF,
    application_role,
    rewrite_function,
    run_sql,
)

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "sql"
_ERASED_BY_ID = "clinic CONSTANT UUID := NULLIF(current_setting('app.clinic_id', true), '')::uuid;"
_ERASED_BY_PROOF = "clinic CONSTANT UUID := front_desk.tenant();"


def upgrade() -> None:
    op.create_table(
        "tenant_keys",
        sa.Column("id", sa.Boolean(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id", name=op.f("ck_tenant_keys_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant_keys")),
        schema="front_desk",
    )
    run_sql(_SQL / "0038_tenant.sql")
    op.execute("REVOKE ALL ON FUNCTION front_desk.tenant() FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION front_desk.tenant() TO {application_role()}")
    _ask_by(TENANT_BY_PROOF)
    rewrite_function("care.erase_patient", _ERASED_BY_ID, _ERASED_BY_PROOF)


def downgrade() -> None:
    _ask_by(TENANT_BY_ID)
    rewrite_function("care.erase_patient", _ERASED_BY_PROOF, _ERASED_BY_ID)
    op.execute("DROP FUNCTION front_desk.tenant()")
    op.drop_table("tenant_keys", schema="front_desk")


def _ask_by(condition: str) -> None:
    tables = op.get_bind().exec_driver_sql(
        "SELECT tablename FROM pg_policies WHERE schemaname = 'care' AND policyname = 'tenant' ORDER BY 1"
    )
    for (table,) in tables.fetchall():
        op.execute(f"ALTER POLICY tenant ON care.{table} USING ({condition})")
