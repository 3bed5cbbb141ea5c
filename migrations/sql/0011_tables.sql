ALTER TABLE care.evaluations DROP CONSTRAINT pk_evaluations;

ALTER TABLE care.evaluations ADD CONSTRAINT pk_evaluations PRIMARY KEY (clinic_id, patient_id, as_of, id);
