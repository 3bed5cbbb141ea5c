DROP FUNCTION care.clinics_due(TIMESTAMP WITH TIME ZONE);
ALTER TABLE care.webhook_endpoints RENAME COLUMN trouble_notified_at TO trouble_told_at;
DROP TABLE front_desk.worker_heartbeats;
DROP FUNCTION care.due_lanes(TIMESTAMP WITH TIME ZONE, TEXT[]);
DROP INDEX care.ix_deliveries_safety_first;
CREATE INDEX ix_deliveries_safety_first ON care.deliveries (clinic_id, endpoint_id)
    WHERE state = 'pending' AND urgency = 'safety';
DROP INDEX care.ix_outgoing_messages_too_late, care.ix_outgoing_messages_due;
CREATE INDEX ix_outgoing_messages_due ON care.outgoing_messages (clinic_id, next_attempt_at)
    WHERE state = 'pending';
ALTER TABLE care.outgoing_messages DROP COLUMN urgent;
ALTER TABLE care.webhook_endpoints DROP COLUMN probe_at, DROP COLUMN unanswered;
