-- How the safety pathway is, over all clinics; gives counts and times only.
CREATE FUNCTION care.safety_pathway(due_at TIMESTAMP WITH TIME ZONE)
RETURNS TABLE (unsent_since TIMESTAMP WITH TIME ZONE, mail_refused_since TIMESTAMP WITH TIME ZONE,
               live BIGINT, live_unreachable BIGINT)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = care, front_desk, pg_catalog, pg_temp AS $pathway$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH live AS (
        SELECT p.clinic_id,
               NOT EXISTS (SELECT FROM webhook_endpoints e WHERE e.clinic_id = p.clinic_id AND e.state = 'enabled'
                              AND e.failing_since IS NULL) AS unreachable
          FROM clinic_profiles p JOIN clinics c ON c.id = p.clinic_id
         WHERE p.mode = 'live' AND c.state = 'open'
    )
    SELECT -- What is due, and nobody has tried it since.
           (SELECT min(d.next_attempt_at) FROM deliveries d
             WHERE d.state = 'pending' AND d.urgency = 'safety' AND d.next_attempt_at <= due_at
               AND (d.claimed_until IS NULL OR d.claimed_until <= due_at)),
           (SELECT min(m.first_attempt_at) FROM outgoing_messages m
             WHERE m.state = 'pending' AND m.urgent AND m.channel = 'email' AND m.trouble = 'mail_server'),
           (SELECT count(*) FROM live), (SELECT count(*) FROM live WHERE live.unreachable);
END $pathway$;
REVOKE ALL ON FUNCTION care.safety_pathway(TIMESTAMP WITH TIME ZONE) FROM PUBLIC;
