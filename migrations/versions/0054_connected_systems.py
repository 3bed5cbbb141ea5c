"""Systems that a clinic is connected to: where its staff sign in, its EHR, and programs that read by themselves.

Revision ID: 0054
Revises: 0053
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from app.storage.engine.migration_steps import isolate

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "connected_systems",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary),
        sa.Column("settings", JSONB, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("removed_at", _MOMENT),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_connected_systems"),
        sa.ForeignKeyConstraint(
            ["clinic_id"], ["front_desk.clinics.id"], name="fk_connected_systems_clinic_id"
        ),
        sa.CheckConstraint("kind in ('sign_in', 'ehr')", name="kind"),
        schema="care",
    )
    op.create_index(
        "uq_connected_systems_issuer",
        "connected_systems",
        ["clinic_id", "kind", "issuer"],
        unique=True,
        schema="care",
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "staff_identities",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("system_id", sa.Uuid, nullable=False),
        sa.Column("subject_digest", sa.LargeBinary, nullable=False),
        sa.Column("label_sealed", sa.LargeBinary, nullable=False),
        sa.Column("staff_id", sa.Uuid),
        sa.Column("seen_at", _MOMENT, nullable=False),
        sa.Column("linked_by", sa.Uuid),
        sa.Column("linked_at", _MOMENT),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_staff_identities"),
        sa.UniqueConstraint(
            "clinic_id",
            "system_id",
            "subject_digest",
            name="uq_staff_identities_clinic_id_system_id_subject_digest",
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "system_id"],
            ["care.connected_systems.clinic_id", "care.connected_systems.id"],
            name="fk_staff_identities_clinic_id_system_id",
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "staff_id"],
            ["care.staff_members.clinic_id", "care.staff_members.id"],
            name="fk_staff_identities_clinic_id_staff_id",
        ),
        schema="care",
    )
    op.create_table(
        "backend_clients",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scopes", ARRAY(sa.Text), nullable=False),
        sa.Column("jwks", JSONB, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("revoked_at", _MOMENT),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_backend_clients"),
        sa.ForeignKeyConstraint(
            ["clinic_id"], ["front_desk.clinics.id"], name="fk_backend_clients_clinic_id"
        ),
        schema="care",
    )
    op.create_table(
        "spent_assertions",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("clinic_id", "digest", name="pk_spent_assertions"),
        sa.ForeignKeyConstraint(
            ["clinic_id"], ["front_desk.clinics.id"], name="fk_spent_assertions_clinic_id"
        ),
        schema="care",
    )
    isolate("connected_systems", "staff_identities", "backend_clients", "spent_assertions")
    op.add_column("api_keys", sa.Column("client_id", sa.Uuid), schema="care")
    op.add_column("api_keys", sa.Column("expires_at", _MOMENT), schema="care")
    op.create_foreign_key(
        "fk_api_keys_clinic_id_client_id",
        "api_keys",
        "backend_clients",
        ["clinic_id", "client_id"],
        ["clinic_id", "id"],
        source_schema="care",
        referent_schema="care",
    )


def downgrade() -> None:
    # What a client was given works for minutes, and would work for good without its end.
    op.execute("DELETE FROM care.api_keys WHERE client_id IS NOT NULL")
    op.drop_constraint("fk_api_keys_clinic_id_client_id", "api_keys", schema="care")
    op.drop_column("api_keys", "expires_at", schema="care")
    op.drop_column("api_keys", "client_id", schema="care")
    for table in ("spent_assertions", "backend_clients", "staff_identities", "connected_systems"):
        op.drop_table(table, schema="care")
