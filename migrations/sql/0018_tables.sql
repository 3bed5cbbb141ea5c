CREATE TABLE care.what_ifs (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    asked_by UUID,
    numbers JSONB NOT NULL,
    from_day DATE NOT NULL,
    to_day DATE NOT NULL,
    state TEXT NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    found JSONB,
    CONSTRAINT pk_what_ifs PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_what_ifs_clinic_id FOREIGN KEY (clinic_id) REFERENCES front_desk.clinics (id),
    CONSTRAINT ck_what_ifs_state CHECK (state in ('waiting', 'done', 'failed'))
);

CREATE TABLE care.what_if_patients (
    clinic_id UUID NOT NULL,
    patient_id UUID NOT NULL,
    what_if_id UUID NOT NULL,
    now_on DATE[] NOT NULL,
    instead_on DATE[] NOT NULL,
    CONSTRAINT pk_what_if_patients PRIMARY KEY (clinic_id, patient_id, what_if_id),
    CONSTRAINT fk_what_if_patients_clinic_id_what_if_id FOREIGN KEY (clinic_id, what_if_id)
        REFERENCES care.what_ifs (clinic_id, id) ON DELETE CASCADE,
    CONSTRAINT fk_what_if_patients_clinic_id_patient_id FOREIGN KEY (clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id)
);
