-- Searched by who or by what alone, a year of a busy clinic would be read whole for a few lines.
CREATE INDEX ix_audit_events_actor ON care.audit_events (clinic_id, actor_id, at, id);

CREATE INDEX ix_audit_events_action ON care.audit_events (clinic_id, action, at, id);
