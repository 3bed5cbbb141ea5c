ALTER TABLE care.patients ADD COLUMN email_sealed BYTEA;

ALTER TABLE care.check_ins ADD COLUMN clock_skew_seconds BIGINT;

ALTER TABLE care.device_tokens DROP CONSTRAINT ck_device_tokens_kind;

ALTER TABLE care.device_tokens
    ADD CONSTRAINT ck_device_tokens_kind CHECK (kind in ('access', 'refresh', 'browser'));

CREATE INDEX ix_devices_patient ON care.devices (clinic_id, patient_id, id);

CREATE INDEX ix_device_tokens_device ON care.device_tokens (clinic_id, device_id);

CREATE TABLE care.sign_in_links (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    patient_id UUID NOT NULL,
    digest BYTEA NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_sign_in_links PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_sign_in_links_clinic_id_patient_id FOREIGN KEY(clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id),
    CONSTRAINT uq_sign_in_links_clinic_id_digest UNIQUE (clinic_id, digest)
);

CREATE INDEX ix_sign_in_links_patient ON care.sign_in_links (clinic_id, patient_id, made_at);

ALTER TABLE care.assessments ADD COLUMN entered_by TEXT;

UPDATE care.assessments SET entered_by = 'clinic';

ALTER TABLE care.assessments ALTER COLUMN entered_by SET NOT NULL;

ALTER TABLE care.assessments
    ADD CONSTRAINT ck_assessments_entered_by CHECK (entered_by in ('clinic', 'patient'));

ALTER TABLE care.assessments DROP CONSTRAINT pk_assessments;

ALTER TABLE care.assessments ADD CONSTRAINT pk_assessments PRIMARY KEY (clinic_id, patient_id, id);
