-- The two statements of the check-in path, kept by the server with their plans: each is one round trip and, where
-- nothing else belongs to it, a transaction of its own. `tenant` is what app.clinic_id is set to first (see
-- storage/engine/unit_of_work.py); null: the transaction around it has set it already.
--
-- They run as the owner and ask once whether the transaction is of the clinic that they are called for, where the
-- policies would ask again for each of fifteen tables: a third of what the server does for a check-in. So every
-- table in them is read and written by that clinic's id, and nothing else may ever be added to them.
--
-- Their plans never depend on the values: making one again for every check-in costs more than running it.

CREATE FUNCTION care.patient_snapshot(
    tenant TEXT, of_clinic UUID, by_token BYTEA, of_patient UUID, among UUID[], at_time TIMESTAMPTZ
) RETURNS TABLE (
    device_id UUID, patient_id UUID, time_zone TEXT, locale TEXT, mode TEXT, archived_at TIMESTAMPTZ,
    version BIGINT, sync_sequence BIGINT, event_sequence BIGINT, memory BYTEA, level TEXT, announced TEXT[],
    booster_booked_for DATE, consent_withdrawn_at TIMESTAMPTZ, wrapped_key BYTEA, reviewed_on DATE,
    policy JSONB, chosen_reference JSONB, signal JSONB, waits_for_check_in BOOLEAN, seen JSONB
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $snapshot$
#variable_conflict use_column
DECLARE
    by_device UUID;
BEGIN
    IF tenant IS NOT NULL THEN
        PERFORM set_config('app.clinic_id', tenant, true);
    END IF;
    IF front_desk.tenant() IS DISTINCT FROM of_clinic THEN
        RETURN;
    END IF;
    IF by_token IS NOT NULL THEN
        SELECT d.id, d.patient_id INTO by_device, of_patient
          FROM care.device_tokens t
          JOIN care.devices d ON d.clinic_id = t.clinic_id AND d.id = t.device_id
         WHERE t.clinic_id = of_clinic AND t.digest = by_token AND t.kind IN ('access', 'browser')
           AND t.expires_at > at_time AND d.revoked_at IS NULL;
    END IF;
    RETURN QUERY SELECT
        by_device, p.id, p.time_zone, p.locale, p.mode, p.archived_at,
        s.version, s.sync_sequence, s.event_sequence, s.memory, s.level, s.announced,
        s.booster_booked_for, s.consent_withdrawn_at,
        (SELECT y.wrapped_key FROM care.patient_keys y
          WHERE y.clinic_id = p.clinic_id AND y.patient_id = p.id),
        (SELECT k.reviewed_on FROM care.courses k WHERE k.clinic_id = p.clinic_id AND k.patient_id = p.id
          ORDER BY k.started_on DESC, k.id DESC LIMIT 1),
        -- The clinic's own numbers that count now.
        (SELECT q.numbers FROM care.clinic_policies q
          WHERE q.clinic_id = p.clinic_id AND q.effective_from <= at_time ORDER BY q.version DESC LIMIT 1),
        (SELECT jsonb_build_object('from_day', h.from_day, 'to_day', h.to_day, 'set_at', h.set_at)
           FROM care.chosen_references h WHERE h.clinic_id = p.clinic_id AND h.patient_id = p.id
          ORDER BY h.set_at DESC, h.id DESC LIMIT 1),
        -- The latest signal, because whether to raise one depends on it.
        (SELECT jsonb_build_object('id', g.id, 'state', g.state, 'criteria', g.criteria,
                'raised_on', g.raised_on, 'steady_since', g.steady_since, 'snoozed_until', g.snoozed_until,
                'closed_at', g.closed_at, 'disposition', g.disposition)
           FROM care.signals g WHERE g.clinic_id = p.clinic_id AND g.patient_id = p.id
          ORDER BY g.raised_at DESC, g.id DESC LIMIT 1),
        EXISTS (SELECT FROM care.findings f WHERE f.clinic_id = p.clinic_id AND f.patient_id = p.id
          AND f.state <> 'closed' AND f.source_id IS NULL
          AND f.code IN ('overdue', 'silent_after_low', 'unknown')),
        (SELECT jsonb_object_agg(c.id, encode(c.digest, 'hex')) FROM care.check_ins c
          WHERE c.clinic_id = p.clinic_id AND c.patient_id = p.id AND c.id = ANY(among))
      FROM care.patients p
      JOIN care.patient_states s ON s.clinic_id = p.clinic_id AND s.patient_id = p.id
     WHERE p.clinic_id = of_clinic AND p.id = of_patient;
END $snapshot$;

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
