CREATE TABLE care.audit_events (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id UUID,
    action TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id UUID NOT NULL,
    patient_id UUID,
    CONSTRAINT pk_audit_events PRIMARY KEY (clinic_id, id)
);

CREATE INDEX ix_audit_events_patient ON care.audit_events (clinic_id, patient_id, at);

CREATE TABLE front_desk.clinics (
    id UUID NOT NULL,
    state TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_clinics PRIMARY KEY (id),
    CONSTRAINT ck_clinics_state CHECK (state in ('open', 'closed'))
);

CREATE TABLE front_desk.failed_tries (
    caller BYTEA NOT NULL,
    window_start TIMESTAMP WITH TIME ZONE NOT NULL,
    tries BIGINT NOT NULL,
    CONSTRAINT pk_failed_tries PRIMARY KEY (caller, window_start)
);

CREATE TABLE care.api_keys (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    name TEXT NOT NULL,
    digest BYTEA NOT NULL,
    scopes TEXT[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_api_keys PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_api_keys_clinic_id FOREIGN KEY(clinic_id)
        REFERENCES front_desk.clinics (id),
    CONSTRAINT uq_api_keys_clinic_id_digest UNIQUE (clinic_id, digest)
);

CREATE TABLE care.clinic_profiles (
    clinic_id UUID NOT NULL,
    name TEXT NOT NULL,
    mode TEXT NOT NULL,
    crisis_phone_sealed BYTEA,
    version BIGINT NOT NULL,
    CONSTRAINT pk_clinic_profiles PRIMARY KEY (clinic_id),
    CONSTRAINT fk_clinic_profiles_clinic_id FOREIGN KEY(clinic_id)
        REFERENCES front_desk.clinics (id),
    CONSTRAINT ck_clinic_profiles_mode CHECK (mode in ('test', 'live'))
);

CREATE TABLE care.notifications (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    type TEXT NOT NULL,
    patient_id UUID,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    body TEXT NOT NULL,
    CONSTRAINT pk_notifications PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_notifications_clinic_id FOREIGN KEY(clinic_id)
        REFERENCES front_desk.clinics (id)
);

CREATE INDEX ix_notifications_occurred ON care.notifications (clinic_id, occurred_at);

CREATE TABLE care.patients (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    external_ref_index BYTEA NOT NULL,
    external_ref_sealed BYTEA NOT NULL,
    time_zone TEXT NOT NULL,
    locale TEXT NOT NULL,
    mode TEXT NOT NULL,
    registered_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT NOT NULL,
    CONSTRAINT pk_patients PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_patients_clinic_id FOREIGN KEY(clinic_id)
        REFERENCES front_desk.clinics (id),
    CONSTRAINT uq_patients_clinic_id_external_ref_index UNIQUE (clinic_id, external_ref_index),
    CONSTRAINT ck_patients_mode CHECK (mode in ('test', 'live'))
);

CREATE TABLE care.webhook_endpoints (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    url_sealed BYTEA NOT NULL,
    secret_sealed BYTEA NOT NULL,
    events TEXT[],
    state TEXT NOT NULL,
    disabled_because TEXT,
    failing_since TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_webhook_endpoints PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_webhook_endpoints_clinic_id FOREIGN KEY(clinic_id)
        REFERENCES front_desk.clinics (id),
    CONSTRAINT ck_webhook_endpoints_state CHECK (state in ('enabled', 'disabled'))
);

CREATE TABLE front_desk.code_selectors (
    selector TEXT NOT NULL,
    clinic_id UUID NOT NULL,
    code_id UUID NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    tries BIGINT NOT NULL,
    CONSTRAINT pk_code_selectors PRIMARY KEY (selector),
    CONSTRAINT fk_code_selectors_clinic_id FOREIGN KEY(clinic_id)
        REFERENCES front_desk.clinics (id)
);

CREATE TABLE care.check_ins (
    clinic_id UUID NOT NULL,
    patient_id UUID NOT NULL,
    id UUID NOT NULL,
    sync_sequence BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    time_zone TEXT NOT NULL,
    check_in_day DATE NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    late BOOLEAN NOT NULL,
    mood NUMERIC(4, 2),
    energy NUMERIC(4, 2),
    sleep_quality NUMERIC(4, 2),
    sleep_hours NUMERIC(4, 2),
    asks_about_booster BOOLEAN NOT NULL,
    self_harm_thoughts BOOLEAN NOT NULL,
    input_mode TEXT NOT NULL,
    note_sealed BYTEA,
    supersedes UUID,
    superseded_by UUID,
    withdrawn_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_check_ins PRIMARY KEY (clinic_id, patient_id, id),
    CONSTRAINT fk_check_ins_clinic_id_patient_id FOREIGN KEY(clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id),
    CONSTRAINT ck_check_ins_input_mode CHECK (input_mode in ('radio', 'slider', 'import')),
    CONSTRAINT ck_check_ins_mood CHECK (mood between 0 and 10),
    CONSTRAINT ck_check_ins_energy CHECK (energy between 0 and 10),
    CONSTRAINT ck_check_ins_sleep_quality CHECK (sleep_quality between 0 and 10),
    CONSTRAINT ck_check_ins_sleep_hours CHECK (sleep_hours between 0 and 24)
);

CREATE INDEX ix_check_ins_day ON care.check_ins (clinic_id, patient_id, check_in_day);

CREATE UNIQUE INDEX uq_check_ins_sync ON care.check_ins (clinic_id, patient_id, sync_sequence);

CREATE TABLE care.courses (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    patient_id UUID NOT NULL,
    protocol TEXT NOT NULL,
    planned_infusions BIGINT,
    started_on DATE NOT NULL,
    induction_ended_on DATE,
    reviewed_on DATE,
    ended_on DATE,
    stopped_on DATE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_courses PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_courses_clinic_id_patient_id FOREIGN KEY(clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id)
);

CREATE INDEX ix_courses_patient ON care.courses (clinic_id, patient_id, started_on);

CREATE TABLE care.deliveries (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    notification_id UUID NOT NULL,
    endpoint_id UUID NOT NULL,
    urgency TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts_made BIGINT NOT NULL,
    first_attempt_at TIMESTAMP WITH TIME ZONE,
    next_attempt_at TIMESTAMP WITH TIME ZONE,
    claimed_until TIMESTAMP WITH TIME ZONE,
    delivered_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_deliveries PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_deliveries_clinic_id_notification_id FOREIGN KEY(clinic_id, notification_id)
        REFERENCES care.notifications (clinic_id, id),
    CONSTRAINT fk_deliveries_clinic_id_endpoint_id FOREIGN KEY(clinic_id, endpoint_id)
        REFERENCES care.webhook_endpoints (clinic_id, id),
    CONSTRAINT ck_deliveries_urgency CHECK (urgency in ('safety', 'ordinary')),
    CONSTRAINT ck_deliveries_state CHECK (state in ('pending', 'delivered', 'exhausted', 'held'))
);

CREATE INDEX ix_deliveries_due ON care.deliveries (clinic_id, endpoint_id, next_attempt_at) WHERE state = 'pending';

CREATE INDEX ix_deliveries_endpoint ON care.deliveries (clinic_id, endpoint_id, id);

CREATE TABLE care.devices (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    patient_id UUID NOT NULL,
    name_sealed BYTEA NOT NULL,
    enrolled_at TIMESTAMP WITH TIME ZONE NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_devices PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_devices_clinic_id_patient_id FOREIGN KEY(clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id)
);

CREATE TABLE care.enrolment_codes (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    patient_id UUID NOT NULL,
    secret_mac BYTEA NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_enrolment_codes PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_enrolment_codes_clinic_id_patient_id FOREIGN KEY(clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id)
);

CREATE TABLE care.evaluations (
    clinic_id UUID NOT NULL,
    patient_id UUID NOT NULL,
    id UUID NOT NULL,
    as_of TIMESTAMP WITH TIME ZONE NOT NULL,
    level TEXT NOT NULL,
    rule_version TEXT NOT NULL,
    answer JSONB NOT NULL,
    CONSTRAINT pk_evaluations PRIMARY KEY (clinic_id, patient_id, id),
    CONSTRAINT fk_evaluations_clinic_id_patient_id FOREIGN KEY(clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id)
);

CREATE TABLE care.infusions (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    patient_id UUID NOT NULL,
    given_at TIMESTAMP WITH TIME ZONE NOT NULL,
    time_zone TEXT NOT NULL,
    phase TEXT NOT NULL,
    dose_mg_per_kg NUMERIC(5, 3),
    route TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_infusions PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_infusions_clinic_id_patient_id FOREIGN KEY(clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id),
    CONSTRAINT ck_infusions_phase CHECK (phase in ('induction', 'booster'))
);

CREATE UNIQUE INDEX uq_infusions_moment ON care.infusions (clinic_id, patient_id, given_at);

CREATE TABLE care.patient_states (
    clinic_id UUID NOT NULL,
    patient_id UUID NOT NULL,
    version BIGINT NOT NULL,
    sync_sequence BIGINT NOT NULL,
    event_sequence BIGINT NOT NULL,
    memory JSONB,
    level TEXT NOT NULL,
    told TEXT[] NOT NULL,
    evaluated_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_patient_states PRIMARY KEY (clinic_id, patient_id),
    CONSTRAINT fk_patient_states_clinic_id_patient_id FOREIGN KEY(clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id)
);

CREATE TABLE care.safety_events (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    patient_id UUID NOT NULL,
    source TEXT NOT NULL,
    source_id UUID NOT NULL,
    urgent BOOLEAN NOT NULL,
    state TEXT NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    shown_at TIMESTAMP WITH TIME ZONE,
    notification_id UUID,
    sent_at TIMESTAMP WITH TIME ZONE,
    delivered_at TIMESTAMP WITH TIME ZONE,
    acknowledged_at TIMESTAMP WITH TIME ZONE,
    acknowledged_by UUID,
    contact_made_at TIMESTAMP WITH TIME ZONE,
    outcome TEXT,
    closed_at TIMESTAMP WITH TIME ZONE,
    closed_by UUID,
    version BIGINT NOT NULL,
    CONSTRAINT pk_safety_events PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_safety_events_clinic_id_patient_id FOREIGN KEY(clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id),
    CONSTRAINT uq_safety_events_clinic_id_patient_id_source_source_id UNIQUE (clinic_id, patient_id, source, source_id),
    CONSTRAINT ck_safety_events_state CHECK (state in ('open', 'acknowledged', 'closed'))
);

CREATE INDEX ix_safety_events_state ON care.safety_events (clinic_id, state, id);

CREATE TABLE care.signals (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    patient_id UUID NOT NULL,
    state TEXT NOT NULL,
    level TEXT NOT NULL,
    ground TEXT NOT NULL,
    grounds TEXT[] NOT NULL,
    raised_at TIMESTAMP WITH TIME ZONE NOT NULL,
    raised_on DATE NOT NULL,
    decision JSONB NOT NULL,
    latest JSONB NOT NULL,
    explanation TEXT NOT NULL,
    steady_since DATE,
    acknowledged_at TIMESTAMP WITH TIME ZONE,
    acknowledged_by UUID,
    snoozed_until TIMESTAMP WITH TIME ZONE,
    closed_at TIMESTAMP WITH TIME ZONE,
    closed_by UUID,
    disposition TEXT,
    booster_booked_for DATE,
    note_sealed BYTEA,
    version BIGINT NOT NULL,
    CONSTRAINT pk_signals PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_signals_clinic_id_patient_id FOREIGN KEY(clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id),
    CONSTRAINT ck_signals_state CHECK (state in ('open', 'acknowledged', 'snoozed', 'closed'))
);

CREATE INDEX ix_signals_patient ON care.signals (clinic_id, patient_id, raised_at);

CREATE UNIQUE INDEX uq_signals_one_open ON care.signals (clinic_id, patient_id) WHERE state <> 'closed';

CREATE TABLE care.attempts (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    delivery_id UUID NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    milliseconds BIGINT NOT NULL,
    http_status BIGINT,
    error TEXT,
    CONSTRAINT pk_attempts PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_attempts_clinic_id_delivery_id FOREIGN KEY(clinic_id, delivery_id)
        REFERENCES care.deliveries (clinic_id, id)
);

CREATE INDEX ix_attempts_delivery ON care.attempts (clinic_id, delivery_id, started_at);

CREATE TABLE care.device_tokens (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    device_id UUID NOT NULL,
    kind TEXT NOT NULL,
    digest BYTEA NOT NULL,
    parent_id UUID,
    issued_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    first_used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_device_tokens PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_device_tokens_clinic_id_device_id FOREIGN KEY(clinic_id, device_id)
        REFERENCES care.devices (clinic_id, id),
    CONSTRAINT uq_device_tokens_clinic_id_digest UNIQUE (clinic_id, digest),
    CONSTRAINT ck_device_tokens_kind CHECK (kind in ('access', 'refresh'))
);

