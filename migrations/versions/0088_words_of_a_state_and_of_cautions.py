"""The state of a patient's rule is called so, and two cautions have the names that the field gives them.

Revision ID: 0088
Revises: 0087
"""

from alembic import op

from app.storage.engine.migration_steps import application_role

revision = "0088"
down_revision = "0087"
branch_labels = None
depends_on = None

_FUNCTIONS = ("care.patient_snapshot", "care.record_check_ins")
_CAUTIONS = (
    ("substance_misuse", "substance_use_disorder"),
    ("bad_experience_with_ketamine", "prior_adverse_reaction"),
)
# Where cautions are kept: now, and as they were when a signal was raised.
_KEPT_IN = (("care_plans", "content"), ("signals", "known"))


def upgrade() -> None:
    _rename_state("memory", "packed_state")
    for before, now in _CAUTIONS:
        _rename_caution(before, now)


def downgrade() -> None:
    for before, now in _CAUTIONS:
        _rename_caution(now, before)
    _rename_state("packed_state", "memory")


def _rename_state(before: str, now: str) -> None:
    # No process is at work while the tables change: docs/operations.md, "Upgrading".
    op.execute(
        f"-- squawk-ignore renaming-column\nALTER TABLE care.patient_states RENAME COLUMN {before} TO {now}"
    )
    op.execute(
        "UPDATE care.patient_states SET checkpoints ="
        f" replace(checkpoints::text, '\"{before}\":', '\"{now}\":')::jsonb WHERE checkpoints IS NOT NULL"
    )
    cursor = op.get_bind().connection.cursor()
    for function in _FUNCTIONS:
        cursor.execute("SELECT pg_get_functiondef(%s::regproc)", [function])
        (definition,) = cursor.fetchone() or ("",)
        cursor.execute(f"DROP FUNCTION {function}")
        cursor.execute(definition.replace(before, now))
        cursor.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        cursor.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {application_role()}")
    cursor.close()


def _rename_caution(before: str, now: str) -> None:
    for table, column in _KEPT_IN:
        op.execute(
            f"UPDATE care.{table} SET {column} = replace({column}::text, '\"{before}\"', '\"{now}\"')::jsonb"
            f" WHERE {column}->'cautions' ? '{before}'"
        )
