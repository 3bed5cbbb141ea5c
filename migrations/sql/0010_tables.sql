ALTER TABLE care.check_ins ADD COLUMN turn BIGINT, ADD COLUMN withdrawn_turn BIGINT;
ALTER TABLE care.infusions ADD COLUMN turn BIGINT;
ALTER TABLE care.assessments ADD COLUMN turn BIGINT;
ALTER TABLE care.chosen_references ADD COLUMN turn BIGINT;
ALTER TABLE care.signals ADD COLUMN turn BIGINT, ADD COLUMN known JSONB;
ALTER TABLE care.patient_states ADD COLUMN booster_booked_at TIMESTAMP WITH TIME ZONE;

-- Until now a decision was taken to know what had come by its time. The same order of times, counted for
-- each patient, gives the turns of what is there already, so that each is made again as it was until now.
CREATE TEMPORARY TABLE moments ON COMMIT DROP AS
SELECT clinic_id, patient_id, at, dense_rank() OVER (PARTITION BY clinic_id, patient_id ORDER BY at) AS turn
  FROM (SELECT clinic_id, patient_id, received_at AS at FROM care.check_ins
        UNION SELECT clinic_id, patient_id, withdrawn_at FROM care.check_ins WHERE withdrawn_at IS NOT NULL
        UNION SELECT clinic_id, patient_id, created_at FROM care.infusions
        UNION SELECT clinic_id, patient_id, received_at FROM care.assessments
        UNION SELECT clinic_id, patient_id, set_at FROM care.chosen_references
        UNION SELECT clinic_id, patient_id, raised_at FROM care.signals) AS known;
CREATE INDEX ON moments (clinic_id, patient_id, at);

UPDATE care.check_ins AS c SET turn = m.turn FROM moments AS m
 WHERE m.clinic_id = c.clinic_id AND m.patient_id = c.patient_id AND m.at = c.received_at;
UPDATE care.check_ins AS c SET withdrawn_turn = m.turn FROM moments AS m
 WHERE m.clinic_id = c.clinic_id AND m.patient_id = c.patient_id AND m.at = c.withdrawn_at;
UPDATE care.infusions AS i SET turn = m.turn FROM moments AS m
 WHERE m.clinic_id = i.clinic_id AND m.patient_id = i.patient_id AND m.at = i.created_at;
UPDATE care.assessments AS a SET turn = m.turn FROM moments AS m
 WHERE m.clinic_id = a.clinic_id AND m.patient_id = a.patient_id AND m.at = a.received_at;
UPDATE care.chosen_references AS r SET turn = m.turn FROM moments AS m
 WHERE m.clinic_id = r.clinic_id AND m.patient_id = r.patient_id AND m.at = r.set_at;
UPDATE care.signals AS s SET turn = m.turn FROM moments AS m
 WHERE m.clinic_id = s.clinic_id AND m.patient_id = s.patient_id AND m.at = s.raised_at;

-- The course as it was known then: days that lay ahead had not been entered.
UPDATE care.signals AS s
   SET known = jsonb_build_object('cautions', '[]'::jsonb, 'course',
       (SELECT jsonb_build_object('id', k.id, 'protocol', k.protocol, 'planned_infusions', k.planned_infusions,
               'started_on', k.started_on,
               'induction_ended_on', CASE WHEN k.induction_ended_on <= s.raised_on THEN k.induction_ended_on END,
               'reviewed_on', CASE WHEN k.reviewed_on <= s.raised_on THEN k.reviewed_on END,
               'ended_on', CASE WHEN k.ended_on <= s.raised_on THEN k.ended_on END,
               'stopped_on', CASE WHEN k.stopped_on <= s.raised_on THEN k.stopped_on END)
          FROM care.courses AS k
         WHERE k.clinic_id = s.clinic_id AND k.patient_id = s.patient_id AND k.created_at <= s.raised_at
         ORDER BY k.started_on DESC, k.id DESC LIMIT 1));

-- The next turn comes after all of these.
UPDATE care.patient_states AS p SET version = greatest(p.version, m.last)
  FROM (SELECT clinic_id, patient_id, max(turn) AS last FROM moments GROUP BY clinic_id, patient_id) AS m
 WHERE m.clinic_id = p.clinic_id AND m.patient_id = p.patient_id;

-- A booking that a signal was closed with is the patient's next one: it is kept in one place from now on.
UPDATE care.patient_states AS p SET booster_booked_for = s.booster_booked_for
  FROM (SELECT DISTINCT ON (clinic_id, patient_id) clinic_id, patient_id, booster_booked_for
          FROM care.signals ORDER BY clinic_id, patient_id, raised_at DESC, id DESC) AS s
 WHERE s.clinic_id = p.clinic_id AND s.patient_id = p.patient_id
   AND p.booster_booked_for IS NULL AND s.booster_booked_for IS NOT NULL;
-- When it was made was not kept; an infusion from now on counts as given after it.
UPDATE care.patient_states SET booster_booked_at = CURRENT_TIMESTAMP WHERE booster_booked_for IS NOT NULL;

DROP TABLE moments;

ALTER TABLE care.check_ins ALTER COLUMN turn SET NOT NULL;
ALTER TABLE care.infusions ALTER COLUMN turn SET NOT NULL;
ALTER TABLE care.assessments ALTER COLUMN turn SET NOT NULL;
ALTER TABLE care.chosen_references ALTER COLUMN turn SET NOT NULL;
ALTER TABLE care.signals ALTER COLUMN turn SET NOT NULL, ALTER COLUMN known SET NOT NULL;
