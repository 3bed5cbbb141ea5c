CREATE INDEX ix_signals_raised ON care.signals (clinic_id, raised_at);

CREATE INDEX ix_safety_events_received ON care.safety_events (clinic_id, received_at);

-- Only what did not get out: an ordinary delivery pays nothing for it.
CREATE INDEX ix_deliveries_not_out ON care.deliveries (clinic_id, notification_id)
WHERE state IN ('exhausted', 'held');

-- A key that may do everything may still do everything.
UPDATE care.api_keys SET scopes = scopes || '{insights}'
WHERE scopes @> '{clinic,patients,treatment,check_ins,signals,safety,webhooks}' AND NOT scopes @> '{insights}';
