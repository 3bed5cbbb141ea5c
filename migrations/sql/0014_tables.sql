CREATE TABLE care.staff_members (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    role TEXT NOT NULL,
    state TEXT NOT NULL,
    name_sealed BYTEA NOT NULL,
    email_sealed BYTEA NOT NULL,
    address_digest BYTEA NOT NULL,
    password_hash TEXT,
    totp_secret_sealed BYTEA,
    totp_last_step BIGINT,
    sso_subject_digest BYTEA,
    failed_tries BIGINT NOT NULL,
    locked_until TIMESTAMP WITH TIME ZONE,
    invited_at TIMESTAMP WITH TIME ZONE NOT NULL,
    joined_at TIMESTAMP WITH TIME ZONE,
    version BIGINT NOT NULL,
    CONSTRAINT pk_staff_members PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_staff_members_clinic_id FOREIGN KEY (clinic_id) REFERENCES front_desk.clinics (id),
    CONSTRAINT uq_staff_members_clinic_id_address_digest UNIQUE (clinic_id, address_digest),
    CONSTRAINT uq_staff_members_clinic_id_sso_subject_digest UNIQUE (clinic_id, sso_subject_digest),
    CONSTRAINT ck_staff_members_role CHECK (role in ('owner', 'clinician', 'coordinator', 'read_only')),
    CONSTRAINT ck_staff_members_state CHECK (state in ('invited', 'active', 'disabled'))
);

CREATE TABLE front_desk.staff_addresses (
    address_digest BYTEA NOT NULL,
    clinic_id UUID NOT NULL,
    staff_id UUID NOT NULL,
    CONSTRAINT pk_staff_addresses PRIMARY KEY (address_digest, clinic_id),
    CONSTRAINT fk_staff_addresses_clinic_id FOREIGN KEY (clinic_id) REFERENCES front_desk.clinics (id)
);

CREATE TABLE care.staff_invitations (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    staff_id UUID NOT NULL,
    digest BYTEA NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_staff_invitations PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_staff_invitations_clinic_id_staff_id FOREIGN KEY (clinic_id, staff_id)
        REFERENCES care.staff_members (clinic_id, id),
    CONSTRAINT uq_staff_invitations_clinic_id_digest UNIQUE (clinic_id, digest)
);

CREATE TABLE care.staff_recovery_codes (
    clinic_id UUID NOT NULL,
    staff_id UUID NOT NULL,
    digest BYTEA NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_staff_recovery_codes PRIMARY KEY (clinic_id, staff_id, digest),
    CONSTRAINT fk_staff_recovery_codes_clinic_id_staff_id FOREIGN KEY (clinic_id, staff_id)
        REFERENCES care.staff_members (clinic_id, id)
);

CREATE TABLE care.staff_sessions (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    staff_id UUID NOT NULL,
    digest BYTEA NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_staff_sessions PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_staff_sessions_clinic_id_staff_id FOREIGN KEY (clinic_id, staff_id)
        REFERENCES care.staff_members (clinic_id, id),
    CONSTRAINT uq_staff_sessions_clinic_id_digest UNIQUE (clinic_id, digest)
);

CREATE INDEX ix_staff_sessions_staff ON care.staff_sessions (clinic_id, staff_id, opened_at);

CREATE TABLE care.emergency_accesses (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    staff_id UUID NOT NULL,
    patient_id UUID NOT NULL,
    reason_sealed BYTEA NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_emergency_accesses PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_emergency_accesses_clinic_id_staff_id FOREIGN KEY (clinic_id, staff_id)
        REFERENCES care.staff_members (clinic_id, id),
    CONSTRAINT fk_emergency_accesses_clinic_id_patient_id FOREIGN KEY (clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id)
);

CREATE INDEX ix_emergency_accesses_open ON care.emergency_accesses (clinic_id, staff_id, patient_id, ends_at);

ALTER TABLE care.audit_events ADD COLUMN emergency_id UUID;

UPDATE care.api_keys SET scopes = scopes || '{staff}'
 WHERE scopes @> '{clinic,patients,treatment,check_ins,signals,safety,webhooks,api_keys,rights,insights,audit}'
   AND NOT scopes @> '{staff}';
