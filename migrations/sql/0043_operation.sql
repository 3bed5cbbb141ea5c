-- What an operator watches: which processes live and what each does, the backups, and how much waits where.
ALTER TABLE front_desk.worker_heartbeats RENAME TO process_heartbeats;
ALTER INDEX front_desk.pk_worker_heartbeats RENAME TO pk_process_heartbeats;
ALTER TABLE front_desk.process_heartbeats ADD COLUMN does TEXT[] NOT NULL DEFAULT '{deliveries,sweep,jobs}';
ALTER TABLE front_desk.process_heartbeats ALTER COLUMN does DROP DEFAULT;

-- Written by the owner, who makes backups; the application may look.
CREATE TABLE front_desk.backups (
    id UUID NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    file_name TEXT NOT NULL,
    size BIGINT NOT NULL,
    sha256 BYTEA NOT NULL,
    verified_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_backups PRIMARY KEY (id)
);

-- How much waits, over all clinics: counts and times only. An idle clinic costs a few looks into indexes.
CREATE FUNCTION care.operation_figures(due_at TIMESTAMP WITH TIME ZONE)
RETURNS TABLE (figure TEXT, kind TEXT, state TEXT, number BIGINT, oldest TIMESTAMP WITH TIME ZONE)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = care, front_desk, jobs, pg_catalog, pg_temp AS $figures$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT 'clinics', p.mode, c.state, count(*), NULL::timestamptz
      FROM clinics c JOIN clinic_profiles p ON p.clinic_id = c.id GROUP BY p.mode, c.state
    UNION ALL
    SELECT 'deliveries', d.urgency, d.state, count(*), min(n.occurred_at)
      FROM deliveries d
      JOIN notifications n ON n.clinic_id = d.clinic_id AND n.id = d.notification_id
     WHERE d.state = 'pending' GROUP BY d.urgency, d.state
    UNION ALL
    -- Nobody waits for what was meant for an address that the clinic took away itself.
    SELECT 'deliveries', d.urgency, d.state, count(*), min(n.occurred_at)
      FROM deliveries d
      JOIN notifications n ON n.clinic_id = d.clinic_id AND n.id = d.notification_id
      JOIN webhook_endpoints e ON e.clinic_id = d.clinic_id AND e.id = d.endpoint_id AND e.state <> 'removed'
     WHERE d.state IN ('exhausted', 'held') GROUP BY d.urgency, d.state
    UNION ALL
    SELECT 'messages', m.channel, m.state, count(*), min(m.queued_at)
      FROM outgoing_messages m WHERE m.state = 'pending' GROUP BY m.channel, m.state
    UNION ALL
    SELECT 'safety_events', CASE WHEN s.late_entry THEN 'late entry' ELSE 'reported' END, s.state, count(*),
           min(s.received_at)
      FROM clinics c JOIN safety_events s ON s.clinic_id = c.id AND s.state = 'open'
     WHERE c.state = 'open' GROUP BY s.late_entry, s.state
    UNION ALL
    SELECT 'daily_looks', 'patient', 'due', count(*), min(p.next_look_at)
      FROM clinics c JOIN reminder_plans p ON p.clinic_id = c.id AND p.next_look_at <= due_at
     WHERE c.state = 'open'
    UNION ALL
    SELECT 'jobs', j.task_name::text, j.status::text, count(*),
           min(coalesce(j.scheduled_at, (SELECT min(v.at) FROM procrastinate_events v WHERE v.job_id = j.id)))
      FROM procrastinate_jobs j
     WHERE j.status IN ('todo', 'doing', 'failed') AND coalesce(j.scheduled_at, due_at) <= due_at
     GROUP BY j.task_name, j.status
    UNION ALL
    -- Of a clinic whose audit log has lines behind its last seal: the first of them.
    SELECT 'seals', 'clinic', 'behind', count(*), min(unsealed.at)
      FROM clinics c
     CROSS JOIN LATERAL (
           SELECT a.at FROM audit_events a
            WHERE a.clinic_id = c.id
              AND a.id > coalesce((SELECT s.event_id FROM audit_seals s WHERE s.clinic_id = c.id
                                    ORDER BY s.sequence DESC LIMIT 1), '00000000-0000-0000-0000-000000000000')
            ORDER BY a.id LIMIT 1) AS unsealed
     WHERE c.state = 'open';
END $figures$;
REVOKE ALL ON FUNCTION care.operation_figures(TIMESTAMP WITH TIME ZONE) FROM PUBLIC;
