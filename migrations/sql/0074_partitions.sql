-- The audit log in partitions by range of its lines' ids, which begin with the time of their birth: what is written
-- now is written into small indexes, whatever the past weighs, and a month that is over never changes again.
--
-- The table as it was becomes the first partition, without a row of it being moved or read again: 0074_partitions.py
-- has proved that all of its ids are from before `audit_events_before_its_end`. Where some are not, which Afterglow
-- never wrote, they go into the default partition.
SET LOCAL statement_timeout = 0;

-- The table of its name is there again when this transaction ends.
-- squawk-ignore ban-set-schema
ALTER TABLE care.audit_events SET SCHEMA partitions;
-- squawk-ignore renaming-table
ALTER TABLE partitions.audit_events RENAME TO audit_events_before;
DROP POLICY tenant ON partitions.audit_events_before;

CREATE TABLE care.audit_events (LIKE partitions.audit_events_before INCLUDING DEFAULTS) PARTITION BY RANGE (id);
ALTER TABLE care.audit_events ADD CONSTRAINT pk_audit_events PRIMARY KEY (clinic_id, id);
CREATE INDEX ix_audit_events_patient ON care.audit_events (clinic_id, patient_id, at);
CREATE INDEX ix_audit_events_at ON care.audit_events (clinic_id, at, id);
CREATE INDEX ix_audit_events_actor ON care.audit_events (clinic_id, actor_id, at, id) WHERE actor_kind <> 'device';
CREATE INDEX ix_audit_events_action ON care.audit_events (clinic_id, action, at, id)
 WHERE action <> 'check_in.recorded';

-- The smallest id of a moment.
CREATE FUNCTION partitions.first_id(moment TIMESTAMPTZ) RETURNS UUID
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid $$;

-- Until when there are partitions.
CREATE FUNCTION partitions.made_until() RETURNS TIMESTAMPTZ
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT max(to_timestamp(('x' || left(replace(
               substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''([0-9a-f-]+)''\)'), '-', ''), 12)
           )::bit(48)::bigint / 1000.0))
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'care.audit_events'::regclass
$$;

-- What has an id of a time for which no partition was made.
CREATE TABLE partitions.audit_events_default (LIKE care.audit_events INCLUDING ALL);
ALTER TABLE partitions.audit_events_default ENABLE ROW LEVEL SECURITY;
ALTER TABLE partitions.audit_events_default FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON partitions.audit_events_default TO CURRENT_USER USING (true) WITH CHECK (true);

DO $$
DECLARE
    its_end UUID;
    proved BOOLEAN;
BEGIN
    SELECT substring(pg_get_constraintdef(oid) FROM '''([0-9a-f-]+)'''), convalidated INTO its_end, proved
      FROM pg_constraint WHERE conname = 'audit_events_before_its_end';
    IF NOT proved THEN
        WITH moved AS (DELETE FROM partitions.audit_events_before WHERE id >= its_end RETURNING *)
        INSERT INTO partitions.audit_events_default SELECT * FROM moved;
    END IF;
    EXECUTE format('ALTER TABLE care.audit_events ATTACH PARTITION partitions.audit_events_before'
                   ' FOR VALUES FROM (MINVALUE) TO (%L)', its_end);
    ALTER TABLE care.audit_events ATTACH PARTITION partitions.audit_events_default DEFAULT;
END $$;
-- The partition's bounds say it from here on.
-- squawk-ignore ban-drop-constraint
ALTER TABLE partitions.audit_events_before DROP CONSTRAINT audit_events_before_its_end;

-- Makes the partitions of this month and of the next three where they are missing, for whoever calls it: it takes
-- nothing, and what it makes follows from the server's clock alone. It waits two seconds for those who read the
-- default partition, no longer; the next call tries it again.
CREATE FUNCTION care.make_partitions_ahead() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s'
AS $ahead$
DECLARE
    month TIMESTAMPTZ := partitions.made_until();
    last CONSTANT TIMESTAMPTZ := date_trunc('month', now()) + interval '3 months';
    -- That many lines are moved while others wait; of a month that has more, the lines stay where they are.
    most CONSTANT BIGINT := 10000;
    place TEXT;
    lower UUID;
    upper UUID;
BEGIN
    WHILE month <= last LOOP
        place := 'audit_events_' || to_char(month, 'YYYY_MM');
        lower := partitions.first_id(month);
        month := month + interval '1 month';
        upper := partitions.first_id(month);
        -- Nobody adds a line of that month between this look and the end.
        LOCK TABLE partitions.audit_events_default IN ACCESS EXCLUSIVE MODE;
        IF (SELECT count(*) FROM (SELECT FROM partitions.audit_events_default d
                                   WHERE d.id >= lower AND d.id < upper LIMIT most + 1) AS found) <= most THEN
            EXECUTE format('CREATE TABLE partitions.%I (LIKE care.audit_events INCLUDING ALL)', place);
            EXECUTE format('ALTER TABLE partitions.%I ENABLE ROW LEVEL SECURITY', place);
            EXECUTE format('ALTER TABLE partitions.%I FORCE ROW LEVEL SECURITY', place);
            EXECUTE format('CREATE POLICY owner ON partitions.%I TO CURRENT_USER USING (true) WITH CHECK (true)',
                           place);
            EXECUTE format('WITH moved AS (DELETE FROM partitions.audit_events_default'
                           ' WHERE id >= %L AND id < %L RETURNING *) INSERT INTO partitions.%I SELECT * FROM moved',
                           lower, upper, place);
            EXECUTE format('ALTER TABLE care.audit_events ATTACH PARTITION partitions.%I'
                           ' FOR VALUES FROM (%L) TO (%L)', place, lower, upper);
        END IF;
    END LOOP;
END $ahead$;
REVOKE ALL ON FUNCTION care.make_partitions_ahead() FROM PUBLIC;

SELECT care.make_partitions_ahead();
