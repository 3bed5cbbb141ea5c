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
CREATE FUNCTION care.record_check_ins(
    tenant TEXT, of_clinic UUID, of_patient UUID, of_version BIGINT, new_rows JSONB, new_memory BYTEA,
    new_burst BOOLEAN, new_level TEXT, new_announced TEXT[], answered_at TIMESTAMPTZ, evaluation_id UUID, by_rule TEXT,
    new_answer JSONB, audit_at TIMESTAMPTZ, audit_actor_kind TEXT, audit_actor_id UUID
) RETURNS BOOLEAN
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $record$
DECLARE
    ours BOOLEAN;
BEGIN
    IF tenant IS NOT NULL THEN
        PERFORM set_config('app.clinic_id', tenant, true);
    END IF;
    IF front_desk.tenant() IS DISTINCT FROM of_clinic THEN
        RETURN false;
    END IF;
    WITH turn AS (
        UPDATE care.patient_states s
           SET version = s.version + 1, sync_sequence = s.sync_sequence + jsonb_array_length(new_rows),
               memory = new_memory, burst = coalesce(new_burst, false),
               level = coalesce(new_level, s.level),
               announced = coalesce(new_announced, s.announced),
               evaluated_at = coalesce(answered_at, s.evaluated_at)
         WHERE s.clinic_id = of_clinic AND s.patient_id = of_patient AND s.version = of_version
        RETURNING s.clinic_id, s.patient_id, s.version
    ), report AS (
        SELECT turn.clinic_id, turn.patient_id, turn.version AS turn, r.*
          FROM turn, jsonb_to_recordset(new_rows) AS r(id uuid, audit_id uuid,
               sync_sequence bigint, digest text, recorded_at timestamptz, time_zone text, check_in_day date,
               received_at timestamptz, late boolean, mood numeric, energy numeric, sleep_quality numeric,
               sleep_hours numeric, asks_about_booster boolean, self_harm_thoughts boolean, input_mode text,
               clock_skew_seconds bigint, note_sealed text, supersedes uuid)
    ), written AS (
        INSERT INTO care.check_ins (clinic_id, patient_id, id, sync_sequence, digest, recorded_at, time_zone,
               check_in_day, received_at, late, mood, energy, sleep_quality, sleep_hours, asks_about_booster,
               self_harm_thoughts, input_mode, clock_skew_seconds, note_sealed, supersedes, turn)
        SELECT clinic_id, patient_id, id, sync_sequence, decode(digest, 'hex'), recorded_at, time_zone,
               check_in_day, received_at, late, mood, energy, sleep_quality, sleep_hours, asks_about_booster,
               self_harm_thoughts, input_mode, clock_skew_seconds, decode(note_sealed, 'hex'), supersedes,
               turn
          FROM report
    ), answered AS (
        INSERT INTO care.evaluations (clinic_id, patient_id, id, as_of, level, rule_version, answer)
        SELECT clinic_id, patient_id, evaluation_id, answered_at, new_level, by_rule, new_answer
          FROM turn WHERE answered_at IS NOT NULL
    ), noted AS (
        INSERT INTO care.audit_events (clinic_id, id, at, actor_kind, actor_id, action, subject_kind,
               subject_id, patient_id)
        SELECT clinic_id, audit_id, audit_at, audit_actor_kind, audit_actor_id, 'check_in.recorded',
               'check_in', id, patient_id
          FROM report
    )
    SELECT count(*) > 0 INTO ours FROM turn;
    RETURN ours;
END $record$;
