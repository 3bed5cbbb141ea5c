-- Lines of the audit log that lie in the default partition come into partitions of their months, however many they
-- are: all that takes long is done while everybody goes on, and nobody waits longer for more lines.
--
-- Lines never change, so they are copied into tables of their months, 5,000 a call. Which lines come meanwhile is noted,
-- so that none of those that were copied is looked at again while the default partition is exchanged.

CREATE FUNCTION partitions.secure(place TEXT) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $secure$
BEGIN
    EXECUTE format('ALTER TABLE partitions.%I ENABLE ROW LEVEL SECURITY', place);
    EXECUTE format('ALTER TABLE partitions.%I FORCE ROW LEVEL SECURITY', place);
    EXECUTE format('CREATE POLICY owner ON partitions.%I TO CURRENT_USER USING (true) WITH CHECK (true)', place);
END $secure$;

-- Forgets what was copied: it begins again. Whoever takes lines out of the default partition calls it.
CREATE FUNCTION partitions.forget_copies() RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp SET client_min_messages = 'warning'
AS $forget$
    DROP TRIGGER IF EXISTS note_line ON partitions.audit_events_default;
    DROP TABLE IF EXISTS partitions.audit_events_staged, partitions.audit_events_came, partitions.audit_events_copied;
$forget$;

-- With the owner's rights, for whoever adds a line: they see nothing of it.
CREATE FUNCTION partitions.note_line() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $note$
BEGIN
    INSERT INTO partitions.audit_events_came (clinic_id, id) VALUES (NEW.clinic_id, NEW.id);
    RETURN NULL;
END $note$;
REVOKE ALL ON FUNCTION partitions.note_line() FROM PUBLIC;

-- Begins where lines lie in the default partition for whose month there is none: tables for these months, for those
-- that are made ahead, and for what stays. Not for months that lie in an archive, which come back whole.
CREATE FUNCTION partitions.stage_months() RETURNS BOOLEAN
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $stage$
DECLARE
    month RECORD;
    staged TEXT;
    needed BOOLEAN := false;
BEGIN
    CREATE TABLE partitions.audit_events_staged (LIKE care.audit_events INCLUDING ALL) PARTITION BY RANGE (id);
    FOR month IN SELECT m.*, EXISTS (
            SELECT FROM partitions.audit_events_default d WHERE d.id >= m.lower AND d.id < m.upper) AS has_lines
      FROM (
            SELECT g AS first, partitions.first_id(g) AS lower, partitions.first_id(g + interval '1 month') AS upper
              FROM generate_series(date_trunc('month', now()) - interval '5 years',
                                   date_trunc('month', now()) + interval '3 months', interval '1 month') AS g
      ) AS m
     WHERE NOT EXISTS (SELECT FROM care.audit_archives a WHERE a.first_id < m.upper AND a.end_id > m.lower)
       AND NOT EXISTS (
            SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid,
                   LATERAL pg_get_expr(c.relpartbound, c.oid) AS b (bounds)
             WHERE i.inhparent = 'care.audit_events'::regclass AND b.bounds <> 'DEFAULT'
               AND coalesce(substring(b.bounds FROM 'FROM \(''([0-9a-f-]+)''\)')::uuid < m.upper, true)
               AND substring(b.bounds FROM 'TO \(''([0-9a-f-]+)''\)')::uuid > m.lower)
    LOOP
        CONTINUE WHEN NOT month.has_lines AND month.first < partitions.made_until();
        needed := needed OR month.has_lines;
        staged := 'audit_events_' || to_char(month.first, 'YYYY_MM') || '_staged';
        -- The constraint is what lets it become a partition of the log without being read.
        EXECUTE format('CREATE TABLE partitions.%I PARTITION OF partitions.audit_events_staged'
                       ' (CONSTRAINT of_its_month CHECK (id >= %L AND id < %L)) FOR VALUES FROM (%L) TO (%L)',
                       staged, month.lower, month.upper, month.lower, month.upper);
        PERFORM partitions.secure(staged);
    END LOOP;
    IF NOT needed THEN
        DROP TABLE partitions.audit_events_staged;
        RETURN false;
    END IF;
    CREATE TABLE partitions.audit_events_default_staged PARTITION OF partitions.audit_events_staged DEFAULT;
    CREATE INDEX audit_events_default_staged_id_idx ON partitions.audit_events_default_staged (id);
    CREATE TABLE partitions.audit_events_came (clinic_id UUID NOT NULL, id UUID NOT NULL);
    -- The next line to be copied; nothing: all were.
    CREATE TABLE partitions.audit_events_copied (next_id UUID);
    INSERT INTO partitions.audit_events_copied VALUES ('00000000-0000-0000-0000-000000000000');
    PERFORM partitions.secure(place) FROM unnest(ARRAY['audit_events_staged', 'audit_events_default_staged',
                                                       'audit_events_came', 'audit_events_copied']) AS place;
    -- It waits for those who add a line now, so each line is seen by what is copied, or noted.
    CREATE TRIGGER note_line AFTER INSERT ON partitions.audit_events_default
       FOR EACH ROW EXECUTE FUNCTION partitions.note_line();
    RETURN true;
END $stage$;

-- Copies up to so many lines that came meanwhile; gives how many it looked at.
CREATE FUNCTION partitions.copy_what_came(most BIGINT) RETURNS BIGINT
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $came$
DECLARE
    looked_at BIGINT;
BEGIN
    WITH came AS (
        DELETE FROM partitions.audit_events_came
         WHERE ctid = ANY (ARRAY(SELECT ctid FROM partitions.audit_events_came LIMIT most)) RETURNING clinic_id, id
    ), copied AS (
        INSERT INTO partitions.audit_events_staged
        SELECT d.* FROM came JOIN partitions.audit_events_default d ON d.clinic_id = came.clinic_id AND d.id = came.id
            ON CONFLICT DO NOTHING
    )
    SELECT count(*) INTO looked_at FROM came;
    RETURN looked_at;
END $came$;

-- Makes what was copied partitions of the log, in the place of the default one. Nobody reads or writes meanwhile.
CREATE FUNCTION partitions.exchange_default() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $exchange$
DECLARE
    month RECORD;
    place TEXT;
BEGIN
    ALTER TABLE care.audit_events DETACH PARTITION partitions.audit_events_default;
    PERFORM partitions.copy_what_came(NULL);
    FOR month IN SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bounds
                   FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                  WHERE i.inhparent = 'partitions.audit_events_staged'::regclass ORDER BY c.relname
    LOOP
        EXECUTE format('ALTER TABLE partitions.audit_events_staged DETACH PARTITION partitions.%I', month.relname);
        CONTINUE WHEN month.bounds = 'DEFAULT';
        place := replace(month.relname, '_staged', '');
        EXECUTE format('ALTER TABLE partitions.%I RENAME TO %I', month.relname, place);
        EXECUTE format('ALTER TABLE care.audit_events ATTACH PARTITION partitions.%I %s', place, month.bounds);
        EXECUTE format('ALTER TABLE partitions.%I DROP CONSTRAINT of_its_month', place);
    END LOOP;
    DROP TABLE partitions.audit_events_default;
    ALTER TABLE partitions.audit_events_default_staged RENAME TO audit_events_default;
    ALTER INDEX partitions.audit_events_default_staged_id_idx RENAME TO audit_events_default_id_idx;
    ALTER TABLE care.audit_events ATTACH PARTITION partitions.audit_events_default DEFAULT;
    PERFORM partitions.forget_copies();
END $exchange$;

-- Moves lines out of the default partition, some at a time; gives how many it copied; 0: nothing is left to do now. It
-- takes nothing and goes by what lies there and by the server's clock.
CREATE FUNCTION care.move_default_lines() RETURNS BIGINT
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s'
AS $lines$
DECLARE
    most CONSTANT BIGINT := 5000;
    from_id UUID;
    before_id UUID;
    copied BIGINT;
BEGIN
    -- Two at once would copy the same.
    IF NOT pg_try_advisory_xact_lock(7032020) THEN
        RETURN 0;
    END IF;
    IF to_regclass('partitions.audit_events_staged') IS NULL AND NOT partitions.stage_months() THEN
        RETURN 0;
    END IF;
    SELECT next_id INTO from_id FROM partitions.audit_events_copied;
    IF from_id IS NOT NULL THEN
        SELECT d.id INTO before_id FROM partitions.audit_events_default d
         WHERE d.id >= from_id ORDER BY d.id OFFSET most LIMIT 1;
        INSERT INTO partitions.audit_events_staged SELECT * FROM partitions.audit_events_default d
         WHERE d.id >= from_id AND (before_id IS NULL OR d.id < before_id);
        GET DIAGNOSTICS copied = ROW_COUNT;
        UPDATE partitions.audit_events_copied SET next_id = before_id;
    ELSE
        copied := partitions.copy_what_came(most);
        IF copied < most THEN
            PERFORM partitions.exchange_default();
            copied := 0;
        END IF;
    END IF;
    RETURN copied;
END $lines$;
REVOKE ALL ON FUNCTION care.move_default_lines() FROM PUBLIC;
