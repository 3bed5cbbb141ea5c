ALTER TABLE care.patient_states ADD COLUMN consent_version TEXT;
ALTER TABLE care.patient_states ADD COLUMN consent_withdrawn_at TIMESTAMP WITH TIME ZONE;

CREATE TABLE care.consents (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    patient_id UUID NOT NULL,
    kind TEXT NOT NULL,
    version TEXT,
    locale TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id UUID,
    reason_sealed BYTEA,
    CONSTRAINT pk_consents PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_consents_clinic_id_patient_id FOREIGN KEY(clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id),
    CONSTRAINT ck_consents_kind CHECK (kind in ('given', 'withdrawn'))
);

CREATE INDEX ix_consents_patient ON care.consents (clinic_id, patient_id, at);
