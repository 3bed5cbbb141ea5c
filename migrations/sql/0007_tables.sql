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

CREATE TABLE care.patient_keys (
    clinic_id UUID NOT NULL,
    patient_id UUID NOT NULL,
    wrapped_key BYTEA NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_patient_keys PRIMARY KEY (clinic_id, patient_id),
    CONSTRAINT fk_patient_keys_clinic_id_patient_id FOREIGN KEY(clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id)
);

CREATE TABLE care.erasure_requests (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    patient_id UUID NOT NULL,
    state TEXT NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id UUID,
    decided_at TIMESTAMP WITH TIME ZONE,
    decided_by UUID,
    reason_sealed BYTEA,
    version BIGINT NOT NULL,
    CONSTRAINT pk_erasure_requests PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_erasure_requests_clinic_id FOREIGN KEY(clinic_id)
        REFERENCES front_desk.clinics (id),
    CONSTRAINT ck_erasure_requests_state CHECK (state in ('open', 'approved', 'declined'))
);

CREATE UNIQUE INDEX uq_erasure_requests_one_open ON care.erasure_requests (clinic_id, patient_id) WHERE state = 'open';

CREATE INDEX ix_erasure_requests_state ON care.erasure_requests (clinic_id, state, id);

CREATE INDEX ix_erasure_requests_patient ON care.erasure_requests (clinic_id, patient_id, id);

CREATE TABLE care.erasures (
    clinic_id UUID NOT NULL,
    patient_id UUID NOT NULL,
    request_id UUID NOT NULL,
    erased_at TIMESTAMP WITH TIME ZONE NOT NULL,
    erased_by UUID,
    signal_ids UUID[] NOT NULL,
    CONSTRAINT pk_erasures PRIMARY KEY (clinic_id, patient_id),
    CONSTRAINT fk_erasures_clinic_id FOREIGN KEY(clinic_id)
        REFERENCES front_desk.clinics (id),
    CONSTRAINT fk_erasures_clinic_id_request_id FOREIGN KEY(clinic_id, request_id)
        REFERENCES care.erasure_requests (clinic_id, id)
);

-- A key that may do everything may still do everything.
UPDATE care.api_keys SET scopes = scopes || '{rights}'
 WHERE scopes @> '{clinic,patients,treatment,check_ins,signals,safety,webhooks}' AND NOT scopes @> '{rights}';
