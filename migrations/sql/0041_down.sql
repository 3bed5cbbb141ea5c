UPDATE care.notice_channels
   SET events = array_replace(events, 'consent.withdrawn', 'patient.withdrew_consent')
 WHERE 'consent.withdrawn' = ANY (events);

-- Only the names that the version before knows.
UPDATE care.webhook_endpoints
   SET events = array(SELECT DISTINCT CASE one WHEN 'consent.withdrawn' THEN 'patient.withdrew_consent'
                                               WHEN 'finding.raised' THEN 'patient.worse_than_before'
                                               ELSE one END
                        FROM unnest(events) AS one
                       WHERE one IN ('signal.raised', 'signal.escalated', 'signal.closed', 'signal.reopened',
                                     'safety.reported', 'safety.unacknowledged', 'induction.review_due',
                                     'reference.not_established', 'check_ins.overdue',
                                     'patient.asked_about_booster', 'finding.raised', 'record.corrected',
                                     'consent.withdrawn', 'patient.archived', 'patient.unarchived',
                                     'endpoint.test'))
 WHERE events IS NOT NULL;

DROP TABLE care.event_streams;

DROP TABLE care.event_places;
