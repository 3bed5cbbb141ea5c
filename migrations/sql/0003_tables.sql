ALTER TABLE care.courses ADD COLUMN benefit_recorded_on DATE;
ALTER TABLE care.courses ADD COLUMN benefit_recorded_by UUID;
ALTER TABLE care.courses ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE care.courses ALTER COLUMN version DROP DEFAULT;
ALTER TABLE care.patient_states ADD COLUMN booster_booked_for DATE;

CREATE TABLE care.care_plans (
    clinic_id UUID NOT NULL,
    patient_id UUID NOT NULL,
    kind TEXT NOT NULL,
    content JSONB NOT NULL,
    version BIGINT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_care_plans PRIMARY KEY (clinic_id, patient_id, kind),
    CONSTRAINT fk_care_plans_clinic_id_patient_id FOREIGN KEY(clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id),
    CONSTRAINT ck_care_plans_kind CHECK (kind in ('taper', 'factors'))
);
