CREATE TABLE care.event_places (
    clinic_id UUID NOT NULL,
    notification_id UUID NOT NULL,
    patient_sequence BIGINT,
    position BIGINT,
    CONSTRAINT pk_event_places PRIMARY KEY (clinic_id, notification_id),
    CONSTRAINT fk_event_places_clinic_id FOREIGN KEY (clinic_id, notification_id)
        REFERENCES care.notifications (clinic_id, id)
);

INSERT INTO care.event_places (clinic_id, notification_id, patient_sequence)
SELECT clinic_id, id, (body::jsonb #>> '{data,sequence}')::bigint FROM care.notifications;

CREATE UNIQUE INDEX ix_event_places_position ON care.event_places (clinic_id, position);

CREATE INDEX ix_event_places_unplaced ON care.event_places (clinic_id, notification_id) WHERE position IS NULL;

CREATE TABLE care.event_streams (
    clinic_id UUID NOT NULL,
    last_position BIGINT NOT NULL,
    begins_after BIGINT NOT NULL,
    CONSTRAINT pk_event_streams PRIMARY KEY (clinic_id),
    CONSTRAINT fk_event_streams_clinic_id FOREIGN KEY (clinic_id) REFERENCES front_desk.clinics (id)
);

-- Events have other names now, and endpoints and channels that chose them go on getting them.
UPDATE care.webhook_endpoints
   SET events = array(SELECT DISTINCT CASE one WHEN 'patient.withdrew_consent' THEN 'consent.withdrawn'
                                               WHEN 'patient.worse_than_before' THEN 'finding.raised'
                                               WHEN 'patient.asked_for_erasure' THEN 'finding.raised'
                                               ELSE one END
                        FROM unnest(events) AS one)
 WHERE events && ARRAY['patient.withdrew_consent', 'patient.worse_than_before', 'patient.asked_for_erasure'];

UPDATE care.notice_channels
   SET events = array_replace(events, 'patient.withdrew_consent', 'consent.withdrawn')
 WHERE 'patient.withdrew_consent' = ANY (events);
