CREATE TABLE care.record_versions (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    patient_id UUID NOT NULL,
    kind TEXT NOT NULL,
    record_id UUID NOT NULL,
    version BIGINT NOT NULL,
    active BOOLEAN NOT NULL,
    content JSONB NOT NULL,
    known_from_turn BIGINT,
    replaced_in_turn BIGINT NOT NULL,
    correction TEXT NOT NULL,
    replaced_at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id UUID,
    reason_sealed BYTEA,
    CONSTRAINT pk_record_versions PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_record_versions_clinic_id_patient_id FOREIGN KEY (clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id),
    CONSTRAINT ck_record_versions_kind
        CHECK (kind in ('infusion', 'assessment', 'course', 'check_in', 'chosen_reference')),
    CONSTRAINT ck_record_versions_correction CHECK (correction in ('amended', 'voided', 'restored'))
);

CREATE UNIQUE INDEX uq_record_versions_version
    ON care.record_versions (clinic_id, patient_id, kind, record_id, version);

ALTER TABLE care.infusions
    ADD COLUMN dose_mg NUMERIC(7, 2),
    ADD COLUMN external_id TEXT,
    ADD COLUMN source TEXT NOT NULL DEFAULT '',
    ADD COLUMN version BIGINT NOT NULL DEFAULT 1,
    ADD COLUMN began_course_id UUID,
    ADD COLUMN kept_booking_on DATE,
    ADD COLUMN kept_booking_made_at TIMESTAMP WITH TIME ZONE;
CREATE UNIQUE INDEX uq_infusions_external_id ON care.infusions (clinic_id, source, external_id)
 WHERE external_id IS NOT NULL;

ALTER TABLE care.assessments
    ADD COLUMN external_id TEXT,
    ADD COLUMN source TEXT NOT NULL DEFAULT '',
    ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
CREATE UNIQUE INDEX uq_assessments_external_id ON care.assessments (clinic_id, source, external_id)
 WHERE external_id IS NOT NULL;

ALTER TABLE care.courses ADD COLUMN declared_started_on DATE;
UPDATE care.courses SET declared_started_on = started_on;
ALTER TABLE care.courses ALTER COLUMN declared_started_on SET NOT NULL;

ALTER TABLE care.check_ins ADD COLUMN entered_in_error BOOLEAN NOT NULL DEFAULT false;

CREATE TABLE care.idempotent_replies (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    patient_id UUID,
    body_digest BYTEA NOT NULL,
    claimed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status BIGINT,
    reply_sealed BYTEA,
    CONSTRAINT pk_idempotent_replies PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_idempotent_replies_clinic_id FOREIGN KEY (clinic_id) REFERENCES front_desk.clinics (id),
    CONSTRAINT fk_idempotent_replies_clinic_id_patient_id FOREIGN KEY (clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id)
);

CREATE INDEX ix_idempotent_replies_claimed ON care.idempotent_replies (clinic_id, claimed_at);
CREATE INDEX ix_idempotent_replies_patient ON care.idempotent_replies (clinic_id, patient_id);
