-- One history for every kind of alert.
ALTER TABLE care.signal_steps RENAME TO alert_steps;
ALTER TABLE care.alert_steps RENAME COLUMN signal_id TO alert_id;
ALTER TABLE care.alert_steps DROP CONSTRAINT fk_signal_steps_clinic_id_signal_id;
ALTER TABLE care.alert_steps RENAME CONSTRAINT pk_signal_steps TO pk_alert_steps;
ALTER TABLE care.alert_steps RENAME CONSTRAINT fk_signal_steps_clinic_id_patient_id TO fk_alert_steps_clinic_id_patient_id;
ALTER INDEX care.ix_signal_steps_signal RENAME TO ix_alert_steps_alert;
ALTER TABLE care.alert_steps ADD COLUMN alert_kind TEXT NOT NULL DEFAULT 'signal';
ALTER TABLE care.alert_steps ALTER COLUMN alert_kind DROP DEFAULT;
ALTER TABLE care.alert_steps ADD COLUMN assignee_id UUID;
ALTER TABLE care.alert_steps ADD COLUMN channel TEXT;
CREATE INDEX ix_alert_steps_patient ON care.alert_steps (clinic_id, patient_id, at);

-- What the audit log says of safety events so far.
INSERT INTO care.alert_steps (clinic_id, id, patient_id, alert_kind, alert_id, action, at, actor_kind, actor_id, disposition)
SELECT e.clinic_id, e.id, s.patient_id, 'safety_event', s.id, e.action, e.at, e.actor_kind, e.actor_id,
       CASE e.action WHEN 'safety.closed' THEN s.outcome END
  FROM care.audit_events e JOIN care.safety_events s ON s.clinic_id = e.clinic_id AND s.id = e.subject_id
 WHERE e.subject_kind = 'safety_event'
   AND e.action IN ('safety.reported', 'safety.escalated', 'safety.acknowledged', 'safety.closed');

ALTER TABLE care.signals ADD COLUMN assignee_id UUID;
ALTER TABLE care.safety_events ADD COLUMN assignee_id UUID;

CREATE TABLE care.findings (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    patient_id UUID NOT NULL,
    code TEXT NOT NULL,
    source_id UUID,
    state TEXT NOT NULL,
    raised_at TIMESTAMP WITH TIME ZONE NOT NULL,
    raised_on DATE NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    facts JSONB NOT NULL,
    acknowledged_at TIMESTAMP WITH TIME ZONE,
    acknowledged_by UUID,
    assignee_id UUID,
    closed_at TIMESTAMP WITH TIME ZONE,
    closed_by UUID,
    outcome TEXT,
    version BIGINT NOT NULL,
    escalate_at TIMESTAMP WITH TIME ZONE,
    escalated_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_findings PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_findings_clinic_id_patient_id FOREIGN KEY (clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id),
    CONSTRAINT ck_findings_state CHECK (state in ('open', 'acknowledged', 'closed'))
);

CREATE UNIQUE INDEX uq_findings_one_open ON care.findings (clinic_id, patient_id, code)
 WHERE state <> 'closed' AND source_id IS NULL;
CREATE UNIQUE INDEX uq_findings_source ON care.findings (clinic_id, patient_id, code, source_id)
 WHERE source_id IS NOT NULL;
CREATE INDEX ix_findings_open ON care.findings (clinic_id, id) WHERE state <> 'closed';
CREATE INDEX ix_findings_patient ON care.findings (clinic_id, patient_id, raised_at);
CREATE INDEX ix_findings_escalate ON care.findings (clinic_id, escalate_at) WHERE escalate_at IS NOT NULL;

-- What holds about patients now, as it was announced; open requests to be erased.
INSERT INTO care.findings (clinic_id, id, patient_id, code, source_id, state, raised_at, raised_on, facts, version)
SELECT s.clinic_id, gen_random_uuid(), s.patient_id, f.code, NULL, 'open', coalesce(s.evaluated_at, now()),
       coalesce(s.evaluated_at, now())::date, '{}', 1
  FROM care.patient_states s
  JOIN (VALUES ('patient.worse_than_before', 'worse_than_before'), ('reference.not_established', 'no_reference'),
               ('induction.review_due', 'review_due'), ('patient.asked_about_booster', 'asked')) AS f (event, code)
    ON s.told @> ARRAY[f.event]
 WHERE s.consent_withdrawn_at IS NULL;
INSERT INTO care.findings (clinic_id, id, patient_id, code, source_id, state, raised_at, raised_on, facts, version)
SELECT p.clinic_id, gen_random_uuid(), p.patient_id, 'overdue', NULL, 'open', p.overdue_told_for::timestamptz,
       p.overdue_told_for, '{}', 1
  FROM care.reminder_plans p
  JOIN care.patient_states s ON s.clinic_id = p.clinic_id AND s.patient_id = p.patient_id
 WHERE p.overdue_told_for IS NOT NULL AND s.consent_withdrawn_at IS NULL
   AND NOT EXISTS (SELECT FROM care.check_ins c
                    WHERE c.clinic_id = p.clinic_id AND c.patient_id = p.patient_id
                      AND c.check_in_day > p.overdue_told_for AND c.withdrawn_at IS NULL);
INSERT INTO care.findings (clinic_id, id, patient_id, code, source_id, state, raised_at, raised_on, facts, version)
SELECT r.clinic_id, gen_random_uuid(), r.patient_id, 'erasure_request', r.id, 'open', r.requested_at,
       r.requested_at::date, '{}', 1
  FROM care.erasure_requests r WHERE r.state = 'open';
