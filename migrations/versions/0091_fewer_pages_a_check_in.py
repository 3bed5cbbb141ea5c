"""A check-in writes fewer pages: two indexes for three, no lock of the patient's row, the rule's state in its row.

Revision ID: 0091
Revises: 0090
"""

from alembic import op

from app.storage.engine.migration_steps import constrain_while_used, index_while_used

revision = "0091"
down_revision = "0090"
branch_labels = None
depends_on = None

_FOREIGN_KEY = "fk_check_ins_clinic_id_patient_id"


# The state of a patient whose archive, written by another program, had none: such a one was imported until now.
_STATE_OF_EACH = """
    INSERT INTO care.patient_states (clinic_id, patient_id, version, sync_sequence, event_sequence, level, announced)
    SELECT p.clinic_id, p.id, coalesce(max(c.turn), 0), coalesce(max(c.sync_sequence), 0), 0, 'no_reference', '{}'
      FROM care.patients p LEFT JOIN care.check_ins c ON c.clinic_id = p.clinic_id AND c.patient_id = p.id
     WHERE NOT EXISTS (SELECT FROM care.patient_states s WHERE s.clinic_id = p.clinic_id AND s.patient_id = p.id)
     GROUP BY p.clinic_id, p.id
"""


def upgrade() -> None:
    op.execute(_STATE_OF_EACH)
    # Beside checkpoints that are smaller, the state was what went into another table, again with each check-in.
    op.execute("ALTER TABLE care.patient_states ALTER COLUMN packed_state SET STORAGE MAIN")
    index_while_used("pk_check_ins_by_id", "check_ins", ["clinic_id", "id", "patient_id"], unique=True)
    index_while_used(
        "ix_check_ins_day_sync", "check_ins", ["clinic_id", "patient_id", "check_in_day", "sync_sequence"]
    )
    # In the order in which a check-in reads and writes them: whoever came between would wait in a circle with this.
    for table, mode in (("patients", "ACCESS EXCLUSIVE"), ("patient_states", "SHARE ROW EXCLUSIVE")):
        op.execute(f"LOCK TABLE care.{table} IN {mode} MODE")
    op.execute(
        "-- squawk-ignore ban-drop-constraint\nALTER TABLE care.check_ins DROP CONSTRAINT pk_check_ins,"
        " ADD CONSTRAINT pk_check_ins PRIMARY KEY USING INDEX pk_check_ins_by_id"
    )
    # Each was taken away already where the last step was broken off.
    for index in ("ix_check_ins_day", "uq_check_ins_sync"):
        op.execute(f"-- squawk-ignore require-concurrent-index-deletion\nDROP INDEX IF EXISTS care.{index}")
    op.execute(
        "-- squawk-ignore ban-drop-constraint\n"
        f"ALTER TABLE care.check_ins DROP CONSTRAINT IF EXISTS {_FOREIGN_KEY}"
    )
    constrain_while_used(
        _FOREIGN_KEY,
        "check_ins",
        "FOREIGN KEY (clinic_id, patient_id) REFERENCES care.patient_states (clinic_id, patient_id)",
    )


def downgrade() -> None:
    op.execute("ALTER TABLE care.patient_states ALTER COLUMN packed_state SET STORAGE EXTERNAL")
    op.execute("SET LOCAL statement_timeout = 0")
    op.execute(
        f"""
        ALTER TABLE care.check_ins
            DROP CONSTRAINT pk_check_ins,
            ADD CONSTRAINT pk_check_ins PRIMARY KEY (clinic_id, patient_id, id),
            DROP CONSTRAINT {_FOREIGN_KEY},
            ADD CONSTRAINT {_FOREIGN_KEY} FOREIGN KEY (clinic_id, patient_id)
                REFERENCES care.patients (clinic_id, id)
        """
    )
    op.execute("DROP INDEX care.ix_check_ins_day_sync")
    op.execute("CREATE INDEX ix_check_ins_day ON care.check_ins (clinic_id, patient_id, check_in_day)")
    op.execute(
        "CREATE UNIQUE INDEX uq_check_ins_sync ON care.check_ins (clinic_id, patient_id, sync_sequence)"
    )
