ALTER TABLE care.clinic_profiles
    ADD COLUMN safety_contact_sealed BYTEA,
    ADD COLUMN second_contact_sealed BYTEA,
    ADD COLUMN urgent_safety_minutes BIGINT,
    ADD COLUMN safety_minutes BIGINT,
    ADD COLUMN signal_hours BIGINT,
    ADD COLUMN went_live_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE care.safety_events
    ADD COLUMN escalate_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN escalated_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN escalations BIGINT NOT NULL DEFAULT 0;

ALTER TABLE care.safety_events ALTER COLUMN escalations DROP DEFAULT;

CREATE INDEX ix_safety_events_escalate ON care.safety_events (clinic_id, escalate_at) WHERE escalate_at IS NOT NULL;

ALTER TABLE care.signals
    ADD COLUMN escalate_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN escalated_at TIMESTAMP WITH TIME ZONE;

CREATE INDEX ix_signals_escalate ON care.signals (clinic_id, escalate_at) WHERE escalate_at IS NOT NULL;

ALTER TABLE care.webhook_endpoints
    ADD COLUMN previous_secret_sealed BYTEA,
    ADD COLUMN previous_secret_until TIMESTAMP WITH TIME ZONE;

-- What waits for somebody at the upgrade gets its time too: the standard limits of this version.
UPDATE care.safety_events
SET escalate_at = received_at + CASE WHEN urgent THEN interval '30 minutes' ELSE interval '4 hours' END
WHERE state = 'open';

UPDATE care.signals SET escalate_at = now() + interval '24 hours' WHERE state = 'open';

UPDATE care.signals SET escalate_at = greatest(now(), snoozed_until) + interval '24 hours'
WHERE state = 'snoozed' AND acknowledged_at IS NULL;

-- A key that may do everything may still do everything.
UPDATE care.api_keys SET scopes = scopes || '{api_keys}'
WHERE scopes @> '{clinic,patients,treatment,check_ins,signals,safety,webhooks}' AND NOT scopes @> '{api_keys}';
