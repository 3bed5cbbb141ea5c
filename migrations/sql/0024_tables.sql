ALTER TABLE care.safety_events ADD COLUMN late_entry boolean NOT NULL DEFAULT false;
ALTER TABLE care.safety_events ADD COLUMN further_reports bigint NOT NULL DEFAULT 0;
ALTER TABLE care.safety_events ALTER COLUMN late_entry DROP DEFAULT;
ALTER TABLE care.safety_events ALTER COLUMN further_reports DROP DEFAULT;
CREATE INDEX ix_safety_events_patient ON care.safety_events (clinic_id, patient_id, received_at);
