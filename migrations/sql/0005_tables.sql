CREATE TABLE care.chosen_references (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    patient_id UUID NOT NULL,
    from_day DATE NOT NULL,
    to_day DATE NOT NULL,
    reason_sealed BYTEA NOT NULL,
    set_at TIMESTAMP WITH TIME ZONE NOT NULL,
    set_by UUID,
    CONSTRAINT pk_chosen_references PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_chosen_references_clinic_id_patient_id FOREIGN KEY(clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id)
);

CREATE INDEX ix_chosen_references_patient ON care.chosen_references (clinic_id, patient_id, set_at);
