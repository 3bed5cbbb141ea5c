DROP FUNCTION care.pull_in_due_times(TIMESTAMP WITH TIME ZONE);
DROP FUNCTION care.clinics_due(TIMESTAMP WITH TIME ZONE);

CREATE OR REPLACE FUNCTION care.due_lanes(due_at TIMESTAMP WITH TIME ZONE, able TEXT[])
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
