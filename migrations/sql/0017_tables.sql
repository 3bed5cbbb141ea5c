CREATE TABLE care.signal_steps (
    clinic_id UUID NOT NULL,
    id UUID NOT NULL,
    patient_id UUID NOT NULL,
    signal_id UUID NOT NULL,
    action TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id UUID,
    until TIMESTAMP WITH TIME ZONE,
    disposition TEXT,
    words_sealed BYTEA,
    CONSTRAINT pk_signal_steps PRIMARY KEY (clinic_id, id),
    CONSTRAINT fk_signal_steps_clinic_id_patient_id FOREIGN KEY (clinic_id, patient_id)
        REFERENCES care.patients (clinic_id, id),
    CONSTRAINT fk_signal_steps_clinic_id_signal_id FOREIGN KEY (clinic_id, signal_id)
        REFERENCES care.signals (clinic_id, id)
);

CREATE INDEX ix_signal_steps_signal ON care.signal_steps (clinic_id, signal_id, at, id);

-- What the trail tells of signals so far.
INSERT INTO care.signal_steps (clinic_id, id, patient_id, signal_id, action, at, actor_kind, actor_id, until, disposition)
SELECT e.clinic_id, e.id, s.patient_id, s.id, e.action, e.at, e.actor_kind, e.actor_id,
       CASE e.action WHEN 'signal.snoozed' THEN s.snoozed_until END,
       CASE WHEN e.action LIKE 'signal.closed%' THEN s.disposition END
  FROM care.audit_events e JOIN care.signals s ON s.clinic_id = e.clinic_id AND s.id = e.subject_id
 WHERE e.subject_kind = 'signal' AND e.action <> 'signal.read';

-- The worklist reads what it shows, however many patients and closed signals there are.
CREATE INDEX ix_notifications_patient ON care.notifications (clinic_id, patient_id, occurred_at);
CREATE INDEX ix_signals_closed ON care.signals (clinic_id, closed_at) WHERE state = 'closed';
CREATE INDEX ix_patient_states_told ON care.patient_states (clinic_id, patient_id) WHERE told <> '{}';
CREATE INDEX ix_reminder_plans_overdue ON care.reminder_plans (clinic_id, overdue_told_for)
 WHERE overdue_told_for IS NOT NULL;
