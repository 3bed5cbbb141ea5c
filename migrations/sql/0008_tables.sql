CREATE TABLE care.outgoing_messages (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    channel TEXT NOT NULL,
    address_sealed BYTEA,
    wording TEXT NOT NULL,
    locale TEXT NOT NULL,
    link_sealed BYTEA,
    mode TEXT NOT NULL,
    patient_id UUID,
    subject_id UUID,
    state TEXT NOT NULL,
    queued_at TIMESTAMP WITH TIME ZONE NOT NULL,
    not_after TIMESTAMP WITH TIME ZONE,
    attempts BIGINT NOT NULL,
    first_attempt_at TIMESTAMP WITH TIME ZONE,
    next_attempt_at TIMESTAMP WITH TIME ZONE NOT NULL,
    claimed_until TIMESTAMP WITH TIME ZONE,
    sent_at TIMESTAMP WITH TIME ZONE,
    trouble TEXT,
    CONSTRAINT pk_outgoing_messages PRIMARY KEY (clinic_id, id),
    CONSTRAINT ck_outgoing_messages_channel CHECK (channel in ('email', 'push', 'gateway')),
    CONSTRAINT ck_outgoing_messages_state CHECK (state in ('pending', 'sent', 'failed', 'cancelled')),
    CONSTRAINT ck_outgoing_messages_mode CHECK (mode in ('test', 'live')),
    CONSTRAINT fk_outgoing_messages_clinic_id FOREIGN KEY(clinic_id) REFERENCES front_desk.clinics (id),
    CONSTRAINT fk_outgoing_messages_clinic_id_patient_id FOREIGN KEY(clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id)
);

CREATE INDEX ix_outgoing_messages_due ON care.outgoing_messages (clinic_id, next_attempt_at)
    WHERE state = 'pending';
CREATE INDEX ix_outgoing_messages_patient ON care.outgoing_messages (clinic_id, patient_id);

CREATE TABLE care.push_subscriptions (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    patient_id UUID NOT NULL,
    device_id UUID NOT NULL,
    kind TEXT NOT NULL,
    address_sealed BYTEA NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_push_subscriptions PRIMARY KEY (clinic_id, id),
    CONSTRAINT uq_push_subscriptions_clinic_id_device_id UNIQUE (clinic_id, device_id),
    CONSTRAINT ck_push_subscriptions_kind CHECK (kind in ('web', 'app')),
    CONSTRAINT fk_push_subscriptions_clinic_id_patient_id FOREIGN KEY(clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id),
    CONSTRAINT fk_push_subscriptions_clinic_id_device_id FOREIGN KEY(clinic_id, device_id)
        REFERENCES care.devices (clinic_id, id)
);

CREATE INDEX ix_push_subscriptions_patient ON care.push_subscriptions (clinic_id, patient_id);

CREATE TABLE care.reminder_plans (
    clinic_id UUID NOT NULL,
    patient_id UUID NOT NULL,
    ask_at TIME WITHOUT TIME ZONE NOT NULL,
    quiet_from TIME WITHOUT TIME ZONE NOT NULL,
    quiet_until TIME WITHOUT TIME ZONE NOT NULL,
    channels TEXT[] NOT NULL,
    sms_number_sealed BYTEA,
    paused_until DATE,
    next_look_at TIMESTAMP WITH TIME ZONE NOT NULL,
    overdue_told_for DATE,
    CONSTRAINT pk_reminder_plans PRIMARY KEY (clinic_id, patient_id),
    CONSTRAINT fk_reminder_plans_clinic_id_patient_id FOREIGN KEY(clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id)
);

CREATE INDEX ix_reminder_plans_look ON care.reminder_plans (clinic_id, next_look_at);

CREATE TABLE care.reminders (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    patient_id UUID NOT NULL,
    check_in_day DATE NOT NULL,
    slot TEXT NOT NULL,
    channel TEXT NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_reminders PRIMARY KEY (clinic_id, id),
    CONSTRAINT uq_reminders_clinic_id_patient_id_check_in_day_slot UNIQUE (clinic_id, patient_id, check_in_day, slot),
    CONSTRAINT ck_reminders_channel CHECK (channel in ('email', 'push', 'gateway')),
    CONSTRAINT ck_reminders_slot CHECK (slot in ('check_in')),
    CONSTRAINT fk_reminders_clinic_id_patient_id FOREIGN KEY(clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id)
);

CREATE TABLE care.days_without_reminders (
    clinic_id UUID NOT NULL,
    day DATE NOT NULL,
    CONSTRAINT pk_days_without_reminders PRIMARY KEY (clinic_id, day),
    CONSTRAINT fk_days_without_reminders_clinic_id FOREIGN KEY(clinic_id) REFERENCES front_desk.clinics (id)
);

-- Patients who were there before: the first look finds out when the next one is.
INSERT INTO care.reminder_plans
    (clinic_id, patient_id, ask_at, quiet_from, quiet_until, channels, next_look_at)
SELECT clinic_id, id, '18:00', '21:00', '08:00', '{push,gateway,email}', registered_at FROM care.patients;
