ALTER TABLE care.staff_members ADD COLUMN lock_notified_at TIMESTAMP WITH TIME ZONE;

CREATE TABLE care.staff_login_attempts (
    clinic_id UUID NOT NULL,
    staff_id UUID NOT NULL,
    source BYTEA NOT NULL,
    failed BIGINT NOT NULL,
    locked_until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_staff_login_attempts PRIMARY KEY (clinic_id, staff_id, source),
    CONSTRAINT fk_staff_login_attempts_clinic_id_staff_id FOREIGN KEY (clinic_id, staff_id)
        REFERENCES care.staff_members (clinic_id, id)
);

CREATE TABLE care.staff_devices (
    clinic_id UUID NOT NULL,
    staff_id UUID NOT NULL,
    digest BYTEA NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_staff_devices PRIMARY KEY (clinic_id, staff_id, digest),
    CONSTRAINT fk_staff_devices_clinic_id_staff_id FOREIGN KEY (clinic_id, staff_id)
        REFERENCES care.staff_members (clinic_id, id)
);

CREATE TABLE care.staff_passkeys (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    staff_id UUID NOT NULL,
    credential_id BYTEA NOT NULL,
    public_key BYTEA NOT NULL,
    sign_count BIGINT NOT NULL,
    name TEXT NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    challenge_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_staff_passkeys PRIMARY KEY (clinic_id, id),
    CONSTRAINT uq_staff_passkeys_clinic_id_credential_id UNIQUE (clinic_id, credential_id),
    CONSTRAINT fk_staff_passkeys_clinic_id_staff_id FOREIGN KEY (clinic_id, staff_id)
        REFERENCES care.staff_members (clinic_id, id)
);

-- Staff pages show times by the clinic's clocks.
ALTER TABLE care.clinic_profiles ADD COLUMN time_zone TEXT NOT NULL DEFAULT 'UTC';
