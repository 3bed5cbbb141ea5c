DROP FUNCTION care.clinics_due(TIMESTAMP WITH TIME ZONE);
CREATE FUNCTION care.clinics_due(due_at TIMESTAMP WITH TIME ZONE)
RETURNS TABLE (clinic_id UUID, safety BOOLEAN, signals BOOLEAN, messages BOOLEAN, held BOOLEAN, looks BOOLEAN, seals BOOLEAN,
               ahead BOOLEAN)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = care, front_desk, pg_catalog, pg_temp AS $due$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT * FROM (
        SELECT c.id,
               EXISTS (SELECT FROM safety_events s
                        WHERE s.clinic_id = c.id AND s.escalate_at <= due_at AND s.state = 'open') AS safety,
               EXISTS (SELECT FROM signals s WHERE s.clinic_id = c.id AND s.escalate_at <= due_at)
               -- A finding has a column of the parameter's name, and a column goes before a parameter.
               OR EXISTS (SELECT FROM findings f WHERE f.clinic_id = c.id AND f.escalate_at <= clinics_due.due_at)
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
                        false) AS seals,
               -- Something is due later than it ever may be: a clock was ahead when it was written. As
               -- pull_in_due_times below has it, where an index finds it.
               EXISTS (SELECT FROM webhook_endpoints e WHERE e.clinic_id = c.id AND (
                   e.probe_at > due_at + interval '10 minutes' OR e.trouble_notified_at > due_at + interval '10 minutes'
                   OR EXISTS (SELECT FROM deliveries d WHERE d.clinic_id = c.id AND d.endpoint_id = e.id
                                 AND d.state = 'pending' AND d.urgency = 'safety'
                                 AND d.next_attempt_at > due_at + interval '10 minutes')
                   OR EXISTS (SELECT FROM deliveries d WHERE d.clinic_id = c.id AND d.endpoint_id = e.id
                                 AND d.state = 'pending' AND d.next_attempt_at > due_at + interval '10 minutes'
                                 AND (d.attempts_made = 0 OR d.next_attempt_at > due_at + interval '27 hours'))))
               OR EXISTS (SELECT FROM outgoing_messages m WHERE m.clinic_id = c.id AND m.state = 'pending'
                             AND m.urgent AND m.channel IN ('email', 'push', 'gateway', 'slack', 'teams')
                             AND m.next_attempt_at > due_at + interval '10 minutes')
               OR EXISTS (SELECT FROM outgoing_messages m WHERE m.clinic_id = c.id AND m.state = 'pending'
                             AND NOT m.urgent AND m.channel IN ('email', 'push', 'gateway', 'slack', 'teams')
                             AND m.next_attempt_at > due_at + interval '27 hours')
               OR EXISTS (SELECT FROM safety_events s WHERE s.clinic_id = c.id
                             AND s.escalate_at > due_at + interval '70 minutes'
                             AND (s.escalate_at > due_at + interval '9 hours' OR s.urgent AND s.escalations < 6))
               OR EXISTS (SELECT FROM signals s WHERE s.clinic_id = c.id
                             AND s.escalate_at > due_at + interval '97 hours' AND s.state = 'open')
               OR EXISTS (SELECT FROM findings f WHERE f.clinic_id = c.id
                             AND f.escalate_at > clinics_due.due_at + interval '97 hours')
               OR EXISTS (SELECT FROM reminder_plans p WHERE p.clinic_id = c.id
                             AND p.next_look_at > due_at + interval '3 days') AS ahead
          FROM clinics c WHERE c.state = 'open'
    ) AS found
     WHERE found.safety OR found.signals OR found.messages OR found.held OR found.looks OR found.seals
        OR found.ahead
     ORDER BY found.safety DESC, found.id;
END $due$;

-- What is due later than it ever may be is due now: it was written by a clock that was ahead and has been set back.
-- The bounds are the longest waits of each kind, and some minutes more, by which clocks of several machines differ.
CREATE FUNCTION care.pull_in_due_times(at_now TIMESTAMP WITH TIME ZONE) RETURNS VOID
LANGUAGE plpgsql VOLATILE SET search_path = care, pg_catalog, pg_temp AS $pull$
BEGIN
    UPDATE webhook_endpoints SET probe_at = at_now WHERE probe_at > at_now + interval '10 minutes';
    UPDATE webhook_endpoints SET trouble_notified_at = NULL WHERE trouble_notified_at > at_now + interval '10 minutes';
    -- What was never tried is due at once; a safety event waits 5 minutes at the most, another a day and a tenth.
    UPDATE deliveries SET next_attempt_at = at_now
     WHERE state = 'pending' AND next_attempt_at > at_now + interval '10 minutes'
       AND (urgency = 'safety' OR attempts_made = 0 OR next_attempt_at > at_now + interval '27 hours');
    UPDATE outgoing_messages SET next_attempt_at = at_now
     WHERE state = 'pending' AND next_attempt_at > at_now + interval '10 minutes'
       AND (urgent OR next_attempt_at > at_now + interval '27 hours');
    -- An urgent safety event waits an hour at the most, later 4; another 8 hours. Signals wait 4 days at the most.
    UPDATE safety_events SET escalate_at = at_now
     WHERE escalate_at > at_now + interval '70 minutes'
       AND (escalate_at > at_now + interval '9 hours' OR urgent AND escalations < 6);
    UPDATE signals SET escalate_at = at_now WHERE escalate_at > at_now + interval '97 hours' AND state = 'open';
    UPDATE findings SET escalate_at = at_now WHERE escalate_at > at_now + interval '97 hours';
    -- A snooze lasts 30 days at the most.
    UPDATE signals SET snoozed_until = at_now, escalate_at = at_now
     WHERE state = 'snoozed' AND snoozed_until > at_now + interval '32 days';
    UPDATE reminder_plans SET next_look_at = at_now WHERE next_look_at > at_now + interval '3 days';
END $pull$;
REVOKE ALL ON FUNCTION care.pull_in_due_times(TIMESTAMP WITH TIME ZONE) FROM PUBLIC;
REVOKE ALL ON FUNCTION care.clinics_due(TIMESTAMP WITH TIME ZONE) FROM PUBLIC;
