-- Every check-in is written once more: how long that takes depends on how many there are.
SET LOCAL statement_timeout = 0;

CREATE TABLE care.evaluations (
    clinic_id UUID NOT NULL,
    patient_id UUID NOT NULL,
    id UUID NOT NULL,
    as_of TIMESTAMP WITH TIME ZONE NOT NULL,
    level TEXT NOT NULL,
    rule_version TEXT NOT NULL,
    answer JSONB NOT NULL,
    CONSTRAINT pk_evaluations PRIMARY KEY (clinic_id, patient_id, as_of, id),
    CONSTRAINT fk_evaluations_clinic_id_patient_id FOREIGN KEY (clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id)
);

INSERT INTO care.evaluations (clinic_id, patient_id, id, as_of, level, rule_version, answer)
SELECT clinic_id, patient_id, id, evaluated_at, level, rule_version,
       jsonb_build_object('smoothed', smoothed, 'zone_rules', zone_rules)
  FROM care.check_ins WHERE evaluated_at IS NOT NULL;

DROP INDEX care.ix_check_ins_late_answers;
ALTER TABLE care.check_ins DROP COLUMN evaluated_at, DROP COLUMN level, DROP COLUMN smoothed,
    DROP COLUMN rule_version, DROP COLUMN zone_rules;

DROP INDEX care.ix_audit_events_actor, care.ix_audit_events_action;
CREATE INDEX ix_audit_events_actor ON care.audit_events (clinic_id, actor_id, at, id);
CREATE INDEX ix_audit_events_action ON care.audit_events (clinic_id, action, at, id);

DROP FUNCTION care.record_check_ins;

-- The update comes first and everything hangs on it: if another report of this patient came first, its version has
-- moved, the update finds no row, and nothing at all is written. Says whether the turn was ours.
