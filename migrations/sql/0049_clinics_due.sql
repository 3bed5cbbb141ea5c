CREATE OR REPLACE FUNCTION care.clinics_due(due_at TIMESTAMP WITH TIME ZONE)
RETURNS TABLE (clinic_id UUID, safety BOOLEAN, signals BOOLEAN, messages BOOLEAN, held BOOLEAN, looks BOOLEAN, seals BOOLEAN)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = care, front_desk, pg_catalog, pg_temp AS $due$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT * FROM (
        SELECT c.id,
               EXISTS (SELECT FROM safety_events s
                        WHERE s.clinic_id = c.id AND s.escalate_at <= due_at AND s.state = 'open') AS safety,
               EXISTS (SELECT FROM signals s WHERE s.clinic_id = c.id AND s.escalate_at <= due_at + ahead)
               -- A finding has a column of the parameter's name, and a column goes before a parameter.
               OR EXISTS (SELECT FROM findings f WHERE f.clinic_id = c.id AND f.escalate_at <= clinics_due.due_at + ahead)
               OR EXISTS (SELECT FROM signals s
                           WHERE s.clinic_id = c.id AND s.state = 'snoozed' AND s.snoozed_until <= due_at + ahead) AS signals,
               EXISTS (SELECT FROM outgoing_messages m WHERE m.clinic_id = c.id AND m.state = 'pending'
                          AND m.not_after <= due_at) AS messages,
               EXISTS (SELECT FROM webhook_endpoints e WHERE e.clinic_id = c.id AND e.state = 'disabled'
                          AND coalesce(e.trouble_notified_at, '-infinity') <= due_at - interval '1 day'
                          AND EXISTS (SELECT FROM deliveries d WHERE d.clinic_id = c.id AND d.endpoint_id = e.id
                                         AND d.state = 'held')) AS held,
               EXISTS (SELECT FROM reminder_plans p WHERE p.clinic_id = c.id AND p.next_look_at <= due_at + ahead) AS looks,
               -- The newest line of the audit log has no seal yet: that much is known without reading the log.
               coalesce((SELECT a.id FROM audit_events a WHERE a.clinic_id = c.id ORDER BY a.id DESC LIMIT 1)
                        > coalesce((SELECT s.event_id FROM audit_seals s WHERE s.clinic_id = c.id
                                     ORDER BY s.sequence DESC LIMIT 1), '00000000-0000-0000-0000-000000000000'),
                        false) AS seals
          -- A test clock moves what is due by the clinic's time; safety's limits and messages go by the real one.
          FROM clinics c, LATERAL (SELECT make_interval(secs => c.ahead_seconds) AS ahead) AS clock
         WHERE c.state = 'open'
    ) AS found
     WHERE found.safety OR found.signals OR found.messages OR found.held OR found.looks OR found.seals
     ORDER BY found.safety DESC, found.id;
END $due$;
