"""Which ids of reports are known is asked by the primary key, and not by reading all reports of the patient.

What is announced stays as it is stored where it is the same: a parameter of a function is stored with a longer head,
and counted as another value, for which every index of the state was written.

Revision ID: 0092
Revises: 0091
"""

from app.storage.engine.migration_steps import rewrite_function

revision = "0092"
down_revision = "0091"
branch_labels = None
depends_on = None

_SNAPSHOT = "care.patient_snapshot"
_RECORD = "care.record_check_ins"
_OF_ALL = """\
        (SELECT jsonb_object_agg(c.id, encode(c.digest, 'hex')) FROM care.check_ins c
          WHERE c.clinic_id = p.clinic_id AND c.patient_id = p.id AND c.id = ANY(among))
"""
# OFFSET keeps the patient's condition out, so that only the primary key serves: the planner takes clinic and patient
# for independent and a patient's reports for one, and would as well read all of them.
_BY_KEY = """\
        (SELECT jsonb_object_agg(c.id, encode(c.digest, 'hex'))
           FROM unnest(among) AS asked (id)
          CROSS JOIN LATERAL (SELECT r.id, r.patient_id, r.digest FROM care.check_ins r
                               WHERE r.clinic_id = of_clinic AND r.id = asked.id OFFSET 0) AS c
          WHERE c.patient_id = p.id)
"""
_ALWAYS_STORED = "announced = coalesce(new_announced, s.announced)"
_STORED_IF_OTHER = (
    "announced = CASE WHEN new_announced <> s.announced THEN new_announced ELSE s.announced END"
)


def upgrade() -> None:
    rewrite_function(_SNAPSHOT, _OF_ALL, _BY_KEY)
    rewrite_function(_RECORD, _ALWAYS_STORED, _STORED_IF_OTHER)


def downgrade() -> None:
    rewrite_function(_RECORD, _STORED_IF_OTHER, _ALWAYS_STORED)
    rewrite_function(_SNAPSHOT, _BY_KEY, _OF_ALL)
