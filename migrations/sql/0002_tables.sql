CREATE TABLE care.custom_scales (
    clinic_id UUID NOT NULL,
    key TEXT NOT NULL,
    definition JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_custom_scales PRIMARY KEY (clinic_id, key),
    CONSTRAINT fk_custom_scales_clinic_id FOREIGN KEY(clinic_id)
        REFERENCES front_desk.clinics (id)
);

CREATE TABLE care.assessments (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    patient_id UUID NOT NULL,
    scale TEXT NOT NULL,
    taken_at TIMESTAMP WITH TIME ZONE NOT NULL,
    time_zone TEXT NOT NULL,
    total DOUBLE PRECISION NOT NULL,
    items JSONB,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    digest BYTEA NOT NULL,
    CONSTRAINT pk_assessments PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_assessments_clinic_id_patient_id FOREIGN KEY(clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id)
);

CREATE UNIQUE INDEX uq_assessments_moment ON care.assessments (clinic_id, patient_id, scale, taken_at);
