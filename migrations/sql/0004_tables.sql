CREATE TABLE care.clinic_policies (
    clinic_id UUID NOT NULL,
    version BIGINT NOT NULL,
    numbers JSONB NOT NULL,
    rule TEXT NOT NULL,
    effective_from TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID,
    CONSTRAINT pk_clinic_policies PRIMARY KEY (clinic_id, version),
    CONSTRAINT fk_clinic_policies_clinic_id FOREIGN KEY(clinic_id)
        REFERENCES front_desk.clinics (id)
);
