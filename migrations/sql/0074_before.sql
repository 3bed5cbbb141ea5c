-- What went into other partitions goes back into the one table, which is the first partition again.
-- Going down, nobody of the version before is there yet, and all of it is one transaction.
SET LOCAL statement_timeout = 0;
-- squawk-ignore require-concurrent-partition-detach
ALTER TABLE care.audit_events DETACH PARTITION partitions.audit_events_before;
INSERT INTO partitions.audit_events_before SELECT * FROM care.audit_events;
-- squawk-ignore ban-drop-function
DROP FUNCTION care.make_partitions_ahead();
-- squawk-ignore ban-drop-table
DROP TABLE care.audit_events;
-- squawk-ignore renaming-table
ALTER TABLE partitions.audit_events_before RENAME TO audit_events;
-- squawk-ignore ban-set-schema
ALTER TABLE partitions.audit_events SET SCHEMA care;
DROP POLICY owner ON care.audit_events;
-- squawk-ignore ban-drop-function
DROP FUNCTION partitions.made_until(), partitions.first_id(TIMESTAMPTZ);
-- squawk-ignore ban-drop-schema
DROP SCHEMA partitions;
