-- What a clinic lets go of by age, and what has to stay whatever its age is.
CREATE TABLE care.retention_rules (
    clinic_id UUID NOT NULL,
    kind TEXT NOT NULL,
    months BIGINT NOT NULL,
    CONSTRAINT pk_retention_rules PRIMARY KEY (clinic_id, kind),
    CONSTRAINT fk_retention_rules_clinic_id FOREIGN KEY (clinic_id) REFERENCES front_desk.clinics (id),
    CONSTRAINT ck_retention_rules_kind CHECK (kind IN ('deliveries', 'messages', 'archived_patients')),
    CONSTRAINT ck_retention_rules_months CHECK (months BETWEEN 4 AND 600)
);

CREATE TABLE care.legal_holds (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    patient_id UUID,
    reason_sealed BYTEA NOT NULL,
    placed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    placed_by UUID,
    lifted_at TIMESTAMP WITH TIME ZONE,
    lifted_by UUID,
    CONSTRAINT pk_legal_holds PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_legal_holds_clinic_id FOREIGN KEY (clinic_id) REFERENCES front_desk.clinics (id),
    CONSTRAINT fk_legal_holds_clinic_id_patient_id FOREIGN KEY (clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id)
);
CREATE INDEX ix_legal_holds_patient ON care.legal_holds (clinic_id, patient_id) WHERE lifted_at IS NULL;

-- Removes up to so many of what is older than the clinic of this transaction keeps it; gives how many.
--
-- It runs as the owner, because the application may not delete from tables that only grow. It looks the rule up itself
-- and goes by the server's clock, so whoever calls it removes nothing that the clinic keeps. Under a legal hold of
-- the clinic it removes nothing, of a patient nothing of theirs; nor of one of whom a safety event, a signal or a
-- finding is not closed, nor what someone can still read in the stream, or waits to be sent.
CREATE FUNCTION care.remove_old(what TEXT, most INTEGER) RETURNS BIGINT
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $old$
DECLARE
    clinic CONSTANT UUID := front_desk.tenant();
    before TIMESTAMPTZ;
    kept UUID[];
    gone UUID[];
    removed BIGINT := 0;
    more BIGINT;
BEGIN
    SELECT now() - make_interval(months => r.months::integer) INTO before
      FROM care.retention_rules r WHERE r.clinic_id = clinic AND r.kind = what;
    IF before IS NULL OR EXISTS (SELECT FROM care.legal_holds h
                                  WHERE h.clinic_id = clinic AND h.patient_id IS NULL AND h.lifted_at IS NULL) THEN
        RETURN 0;
    END IF;
    SELECT coalesce(array_agg(open.patient_id), '{}') INTO kept FROM (
        SELECT h.patient_id FROM care.legal_holds h WHERE h.clinic_id = clinic AND h.lifted_at IS NULL
        UNION SELECT s.patient_id FROM care.safety_events s WHERE s.clinic_id = clinic AND s.state <> 'closed'
        UNION SELECT g.patient_id FROM care.signals g WHERE g.clinic_id = clinic AND g.state <> 'closed'
        UNION SELECT f.patient_id FROM care.findings f WHERE f.clinic_id = clinic AND f.state <> 'closed'
    ) AS open WHERE open.patient_id IS NOT NULL;
    IF what = 'deliveries' THEN
        SELECT array_agg(old.id) INTO gone FROM (
            SELECT n.id FROM care.notifications n
             WHERE n.clinic_id = clinic AND n.occurred_at < before
               AND (n.patient_id IS NULL OR n.patient_id <> ALL (kept))
               AND NOT EXISTS (SELECT FROM care.event_places p
                                WHERE p.clinic_id = clinic AND p.notification_id = n.id)
               AND NOT EXISTS (SELECT FROM care.deliveries d
                                 JOIN care.webhook_endpoints e ON e.clinic_id = d.clinic_id AND e.id = d.endpoint_id
                                WHERE d.clinic_id = clinic AND d.notification_id = n.id
                                  AND d.state <> 'delivered' AND e.state <> 'removed')
               AND NOT EXISTS (SELECT FROM care.outgoing_messages m
                                WHERE m.clinic_id = clinic AND m.notification_id = n.id AND m.state = 'pending')
             ORDER BY n.occurred_at LIMIT most FOR UPDATE OF n SKIP LOCKED
        ) AS old;
        DELETE FROM care.attempts a USING care.deliveries d
         WHERE a.clinic_id = clinic AND d.clinic_id = clinic AND d.id = a.delivery_id
           AND d.notification_id = ANY (gone);
        -- One that someone sends again this very moment stays, and with it, by its key, all of them until the next call.
        DELETE FROM care.deliveries d
         WHERE d.clinic_id = clinic AND d.notification_id = ANY (gone)
           AND (d.state = 'delivered' OR d.endpoint_id IN (
                SELECT e.id FROM care.webhook_endpoints e WHERE e.clinic_id = clinic AND e.state = 'removed'));
        DELETE FROM care.outgoing_messages m WHERE m.clinic_id = clinic AND m.notification_id = ANY (gone);
        DELETE FROM care.notifications n WHERE n.clinic_id = clinic AND n.id = ANY (gone);
        GET DIAGNOSTICS removed = ROW_COUNT;
    ELSIF what = 'messages' THEN
        -- Their ids begin with the time of their birth: so only old ones are looked at.
        DELETE FROM care.outgoing_messages m WHERE m.clinic_id = clinic AND m.id IN (
            SELECT o.id FROM care.outgoing_messages o
             WHERE o.clinic_id = clinic AND o.id < partitions.first_id(before) AND o.queued_at < before
               AND o.state <> 'pending' AND (o.patient_id IS NULL OR o.patient_id <> ALL (kept))
             ORDER BY o.id LIMIT most FOR UPDATE SKIP LOCKED);
        GET DIAGNOSTICS removed = ROW_COUNT;
        DELETE FROM care.reminders m WHERE m.clinic_id = clinic AND m.id IN (
            SELECT o.id FROM care.reminders o
             WHERE o.clinic_id = clinic AND o.id < partitions.first_id(before) AND o.asked_at < before
               AND o.patient_id <> ALL (kept)
             ORDER BY o.id LIMIT most FOR UPDATE SKIP LOCKED);
        GET DIAGNOSTICS more = ROW_COUNT;
        removed := removed + more;
    END IF;
    RETURN removed;
END $old$;
REVOKE ALL ON FUNCTION care.remove_old(TEXT, INTEGER) FROM PUBLIC;
