-- Every check-in is written once more: how long that takes depends on how many there are.
SET LOCAL statement_timeout = 0;

-- The answer of an evaluation goes into the row of the check-in that caused it: only what cannot be made again.
ALTER TABLE care.check_ins
    ADD COLUMN evaluated_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN level TEXT,
    ADD COLUMN smoothed REAL,
    ADD COLUMN rule_version TEXT,
    ADD COLUMN zone_rules TEXT;

-- An answer was given in the moment in which its check-ins were received, or, where the phone's clock was ahead of
-- ours, in that in which the latest was recorded. Of several check-ins at once the latest has it.
UPDATE care.check_ins c
   SET evaluated_at = e.as_of, level = e.level, smoothed = (e.answer->>'smoothed')::real,
       rule_version = e.rule_version, zone_rules = e.answer->>'zone_rules'
  FROM (SELECT DISTINCT ON (clinic_id, patient_id, as_of) *
          FROM (SELECT e.clinic_id, e.patient_id, e.as_of, e.level, e.rule_version, e.answer, r.id, r.recorded_at
                  FROM care.evaluations e JOIN care.check_ins r
                    ON r.clinic_id = e.clinic_id AND r.patient_id = e.patient_id AND r.received_at = e.as_of
                UNION ALL
                SELECT e.clinic_id, e.patient_id, e.as_of, e.level, e.rule_version, e.answer, r.id, r.recorded_at
                  FROM care.evaluations e JOIN care.check_ins r
                    ON r.clinic_id = e.clinic_id AND r.patient_id = e.patient_id AND r.recorded_at = e.as_of
                 WHERE r.received_at < e.as_of) AS caused
         ORDER BY clinic_id, patient_id, as_of, recorded_at DESC, id DESC) AS e
 WHERE c.clinic_id = e.clinic_id AND c.patient_id = e.patient_id AND c.id = e.id;

CREATE INDEX ix_check_ins_late_answers ON care.check_ins (clinic_id, patient_id, evaluated_at)
 WHERE late AND evaluated_at IS NOT NULL;

DROP TABLE care.evaluations;

-- What is most frequent (that a check-in came, and what else patients' devices do) is found by patient and by time,
-- and left out of the wide indexes by who and by what.
DROP INDEX care.ix_audit_events_actor, care.ix_audit_events_action;
CREATE INDEX ix_audit_events_actor ON care.audit_events (clinic_id, actor_id, at, id) WHERE actor_kind <> 'device';
CREATE INDEX ix_audit_events_action ON care.audit_events (clinic_id, action, at, id)
 WHERE action <> 'check_in.recorded';

DROP FUNCTION care.record_check_ins;

-- The update comes first and everything hangs on it: if another report of this patient came first, its version has
-- moved, the update finds no row, and nothing at all is written. Says whether the turn was ours.
CREATE FUNCTION care.record_check_ins(
    tenant TEXT, of_clinic UUID, of_patient UUID, of_version BIGINT, new_rows JSONB, new_memory BYTEA,
    new_burst BOOLEAN, new_level TEXT, new_announced TEXT[], answered_at TIMESTAMPTZ,
    audit_at TIMESTAMPTZ, audit_actor_kind TEXT, audit_actor_id UUID
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
               clock_skew_seconds bigint, note_sealed text, supersedes uuid, evaluated_at timestamptz, level text,
               smoothed real, rule_version text, zone_rules text)
    ), written AS (
        INSERT INTO care.check_ins (clinic_id, patient_id, id, sync_sequence, digest, recorded_at, time_zone,
               check_in_day, received_at, late, mood, energy, sleep_quality, sleep_hours, asks_about_booster,
               self_harm_thoughts, input_mode, clock_skew_seconds, note_sealed, supersedes, turn,
               evaluated_at, level, smoothed, rule_version, zone_rules)
        SELECT clinic_id, patient_id, id, sync_sequence, decode(digest, 'hex'), recorded_at, time_zone,
               check_in_day, received_at, late, mood, energy, sleep_quality, sleep_hours, asks_about_booster,
               self_harm_thoughts, input_mode, clock_skew_seconds, decode(note_sealed, 'hex'), supersedes,
               turn, evaluated_at, level, smoothed, rule_version, zone_rules
          FROM report
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
