ALTER TABLE care.check_ins DROP COLUMN turn, DROP COLUMN withdrawn_turn;
ALTER TABLE care.infusions DROP COLUMN turn;
ALTER TABLE care.assessments DROP COLUMN turn;
ALTER TABLE care.chosen_references DROP COLUMN turn;
ALTER TABLE care.signals DROP COLUMN turn, DROP COLUMN known;
ALTER TABLE care.patient_states DROP COLUMN booster_booked_at;
