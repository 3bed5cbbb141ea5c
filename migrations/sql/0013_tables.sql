CREATE TABLE care.audit_seals (
    clinic_id UUID NOT NULL,
    sequence BIGINT NOT NULL,
    event_id UUID NOT NULL,
    mac BYTEA NOT NULL,
    CONSTRAINT pk_audit_seals PRIMARY KEY (clinic_id, sequence),
    CONSTRAINT uq_audit_seals_clinic_id_event_id UNIQUE (clinic_id, event_id),
    CONSTRAINT fk_audit_seals_clinic_id FOREIGN KEY (clinic_id) REFERENCES front_desk.clinics (id)
);

CREATE INDEX ix_audit_events_at ON care.audit_events (clinic_id, at, id);

UPDATE care.api_keys SET scopes = scopes || '{audit}'
 WHERE scopes @> '{clinic,patients,treatment,check_ins,signals,safety,webhooks,api_keys,rights}' AND NOT scopes @> '{audit}';
