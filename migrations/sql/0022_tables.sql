-- A hanging endpoint opens a circuit: one delivery at a time finds out whether it answers again.
ALTER TABLE care.webhook_endpoints
    ADD COLUMN unanswered BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN probe_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE care.outgoing_messages ADD COLUMN urgent BOOLEAN;
UPDATE care.outgoing_messages SET urgent = wording IN
    ('safety_unacknowledged', 'sign_in_link', 'contact_test', 'look_now', 'staff_invitation');
ALTER TABLE care.outgoing_messages ALTER COLUMN urgent SET NOT NULL;
DROP INDEX care.ix_outgoing_messages_due;
CREATE INDEX ix_outgoing_messages_due ON care.outgoing_messages (clinic_id, urgent, channel, next_attempt_at)
    WHERE state = 'pending';
CREATE INDEX ix_outgoing_messages_too_late ON care.outgoing_messages (clinic_id, not_after)
    WHERE state = 'pending' AND not_after IS NOT NULL;

DROP INDEX care.ix_deliveries_safety_first;
CREATE INDEX ix_deliveries_safety_first ON care.deliveries (clinic_id, endpoint_id, next_attempt_at)
    WHERE state = 'pending' AND urgency = 'safety';

-- Jobs that took one delivery or message each: the rows themselves say what is due.
DELETE FROM jobs.procrastinate_jobs WHERE task_name IN ('deliver', 'send_message') AND status = 'todo';

-- Which lanes have something due, over all clinics; gives ids only. It steps from lane to lane along the indexes of
-- what is pending, so that an idle clinic costs nothing and a long queue no more than a short one; each is asked for
-- in the very order of its index, so that no plan takes one that holds all that was ever sent.
CREATE FUNCTION care.due_lanes(due_at TIMESTAMP WITH TIME ZONE, able TEXT[])
RETURNS TABLE (clinic_id UUID, endpoint_id UUID, channel TEXT, urgent BOOLEAN)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = care, pg_catalog, pg_temp AS $due$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH RECURSIVE lane AS (
        (SELECT d.clinic_id, d.endpoint_id FROM deliveries d WHERE d.state = 'pending'
          ORDER BY d.clinic_id, d.endpoint_id, d.next_attempt_at LIMIT 1)
        UNION ALL
        SELECT following.* FROM lane, LATERAL (
            SELECT d.clinic_id, d.endpoint_id FROM deliveries d
             WHERE d.state = 'pending' AND (d.clinic_id, d.endpoint_id) > (lane.clinic_id, lane.endpoint_id)
             ORDER BY d.clinic_id, d.endpoint_id, d.next_attempt_at LIMIT 1) AS following
    ), stated AS (
        SELECT lane.clinic_id, lane.endpoint_id, e.probe_at,
               EXISTS (SELECT FROM deliveries d WHERE d.clinic_id = lane.clinic_id
                          AND d.endpoint_id = lane.endpoint_id AND d.state = 'pending' AND d.urgency = 'safety'
                        ORDER BY d.next_attempt_at LIMIT 1)
               AS has_safety
          FROM lane JOIN webhook_endpoints e ON e.clinic_id = lane.clinic_id AND e.id = lane.endpoint_id
    )
    SELECT s.clinic_id, s.endpoint_id, NULL::text, s.has_safety FROM stated s
     -- Ordinary events wait behind safety events, and while the circuit is open.
     WHERE (s.has_safety OR s.probe_at IS NULL OR s.probe_at <= due_at)
       AND EXISTS (SELECT FROM deliveries d WHERE d.clinic_id = s.clinic_id AND d.endpoint_id = s.endpoint_id
                      AND d.state = 'pending' AND d.next_attempt_at <= due_at
                      AND d.urgency = CASE WHEN s.has_safety THEN 'safety' ELSE 'ordinary' END
                      AND (d.claimed_until IS NULL OR d.claimed_until <= due_at)
                    ORDER BY d.next_attempt_at LIMIT 1);

    RETURN QUERY
    WITH RECURSIVE lane AS (
        (SELECT m.clinic_id, m.urgent, m.channel FROM outgoing_messages m WHERE m.state = 'pending'
          ORDER BY m.clinic_id, m.urgent, m.channel, m.next_attempt_at LIMIT 1)
        UNION ALL
        SELECT following.* FROM lane, LATERAL (
            SELECT m.clinic_id, m.urgent, m.channel FROM outgoing_messages m
             WHERE m.state = 'pending'
               AND (m.clinic_id, m.urgent, m.channel) > (lane.clinic_id, lane.urgent, lane.channel)
             ORDER BY m.clinic_id, m.urgent, m.channel, m.next_attempt_at LIMIT 1) AS following
    )
    SELECT lane.clinic_id, NULL::uuid, lane.channel, lane.urgent FROM lane
     WHERE lane.channel = ANY (able)
       AND EXISTS (SELECT FROM outgoing_messages m WHERE m.clinic_id = lane.clinic_id AND m.state = 'pending'
                      AND m.urgent = lane.urgent AND m.channel = lane.channel AND m.next_attempt_at <= due_at
                      AND (m.claimed_until IS NULL OR m.claimed_until <= due_at));
END $due$;
REVOKE ALL ON FUNCTION care.due_lanes(TIMESTAMP WITH TIME ZONE, TEXT[]) FROM PUBLIC;

-- That a worker lives, and when it last looked at what is due: by the database's own clock.
CREATE TABLE front_desk.worker_heartbeats (
    id UUID NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    looked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_worker_heartbeats PRIMARY KEY (id)
);

ALTER TABLE care.webhook_endpoints RENAME COLUMN trouble_told_at TO trouble_notified_at;

-- Which clinics have something due that a sweep does, and what, over all of them; gives ids only.
CREATE FUNCTION care.clinics_due(due_at TIMESTAMP WITH TIME ZONE)
RETURNS TABLE (clinic_id UUID, safety BOOLEAN, signals BOOLEAN, messages BOOLEAN, held BOOLEAN, looks BOOLEAN, seals BOOLEAN)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = care, front_desk, pg_catalog, pg_temp AS $due$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT * FROM (
        SELECT c.id,
               EXISTS (SELECT FROM safety_events s
                        WHERE s.clinic_id = c.id AND s.escalate_at <= due_at AND s.state = 'open') AS safety,
               EXISTS (SELECT FROM signals s WHERE s.clinic_id = c.id AND s.escalate_at <= due_at)
               OR EXISTS (SELECT FROM signals s
                           WHERE s.clinic_id = c.id AND s.state = 'snoozed' AND s.snoozed_until <= due_at) AS signals,
               EXISTS (SELECT FROM outgoing_messages m WHERE m.clinic_id = c.id AND m.state = 'pending'
                          AND m.not_after <= due_at) AS messages,
               EXISTS (SELECT FROM webhook_endpoints e WHERE e.clinic_id = c.id AND e.state = 'disabled'
                          AND coalesce(e.trouble_notified_at, '-infinity') <= due_at - interval '1 day'
                          AND EXISTS (SELECT FROM deliveries d WHERE d.clinic_id = c.id AND d.endpoint_id = e.id
                                         AND d.state = 'held')) AS held,
               EXISTS (SELECT FROM reminder_plans p WHERE p.clinic_id = c.id AND p.next_look_at <= due_at) AS looks,
               -- The newest line of the audit log has no seal yet: that much is known without reading the log.
               coalesce((SELECT a.id FROM audit_events a WHERE a.clinic_id = c.id ORDER BY a.id DESC LIMIT 1)
                        > coalesce((SELECT s.event_id FROM audit_seals s WHERE s.clinic_id = c.id
                                     ORDER BY s.sequence DESC LIMIT 1), '00000000-0000-0000-0000-000000000000'),
                        false) AS seals
          FROM clinics c WHERE c.state = 'open'
    ) AS found
     WHERE found.safety OR found.signals OR found.messages OR found.held OR found.looks OR found.seals
     ORDER BY found.safety DESC, found.id;
END $due$;
REVOKE ALL ON FUNCTION care.clinics_due(TIMESTAMP WITH TIME ZONE) FROM PUBLIC;
