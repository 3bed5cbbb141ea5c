-- Moves lines of the audit log out of the default partition into partitions of their months, some at a time. Gives how
-- many it copied; 0: there is nothing more to do now.
--
-- Lines never change, so they are copied into a table of their month while everybody goes on, 5,000 a call. When all
-- are copied, the default partition is exchanged for one without them, and the months are attached: others wait only
-- while what came meanwhile is looked for (300,000 lines: 2 s on a busy machine). It takes nothing and goes by what
-- lies in the default partition and by the server's clock.
CREATE FUNCTION care.move_default_lines() RETURNS BIGINT
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s'
AS $lines$
DECLARE
    most CONSTANT BIGINT := 5000;
    months TIMESTAMPTZ[];
    firsts UUID[];
    ends UUID[];
    month TIMESTAMPTZ;
    staged TEXT;
    place TEXT;
    lower UUID;
    upper UUID;
    copied BIGINT;
BEGIN
    -- Two at once would copy the same.
    IF NOT pg_try_advisory_xact_lock(7032020) THEN
        RETURN 0;
    END IF;
    -- Months without a partition of which a line lies there; not those that lie in an archive, which come back whole.
    SELECT array_agg(m.first), array_agg(m.lower), array_agg(m.upper) INTO months, firsts, ends FROM (
        SELECT g AS first, partitions.first_id(g) AS lower, partitions.first_id(g + interval '1 month') AS upper
          FROM generate_series(date_trunc('month', now()) - interval '5 years',
                               date_trunc('month', now()) + interval '3 months', interval '1 month') AS g
    ) AS m
     WHERE EXISTS (SELECT FROM partitions.audit_events_default d WHERE d.id >= m.lower AND d.id < m.upper)
       AND NOT EXISTS (SELECT FROM care.audit_archives a WHERE a.first_id < m.upper AND a.end_id > m.lower)
       AND NOT EXISTS (
            SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid,
                   LATERAL pg_get_expr(c.relpartbound, c.oid) AS b (bounds)
             WHERE i.inhparent = 'care.audit_events'::regclass AND b.bounds <> 'DEFAULT'
               AND coalesce(substring(b.bounds FROM 'FROM \(''([0-9a-f-]+)''\)')::uuid < m.upper, true)
               AND substring(b.bounds FROM 'TO \(''([0-9a-f-]+)''\)')::uuid > m.lower);
    IF months IS NULL THEN
        RETURN 0;
    END IF;
    FOREACH month IN ARRAY months LOOP
        staged := 'audit_events_' || to_char(month, 'YYYY_MM') || '_staged';
        lower := partitions.first_id(month);
        upper := partitions.first_id(month + interval '1 month');
        IF to_regclass(format('partitions.%I', staged)) IS NULL THEN
            EXECUTE format('CREATE TABLE partitions.%I (LIKE care.audit_events INCLUDING ALL,'
                           ' CONSTRAINT of_its_month CHECK (id >= %L AND id < %L))', staged, lower, upper);
            EXECUTE format('CREATE INDEX %I ON partitions.%I (id)', staged || '_by_id', staged);
            EXECUTE format('ALTER TABLE partitions.%I ENABLE ROW LEVEL SECURITY', staged);
            EXECUTE format('ALTER TABLE partitions.%I FORCE ROW LEVEL SECURITY', staged);
            EXECUTE format('CREATE POLICY owner ON partitions.%I TO CURRENT_USER USING (true) WITH CHECK (true)', staged);
        END IF;
        EXECUTE format('INSERT INTO partitions.%1$I SELECT * FROM partitions.audit_events_default d'
                       ' WHERE d.id >= %2$L AND d.id < %3$L AND d.id > coalesce('
                       ' (SELECT s.id FROM partitions.%1$I s ORDER BY s.id DESC LIMIT 1), %5$L)'
                       ' ORDER BY d.id LIMIT %4$s', staged, lower, upper, most, '00000000-0000-0000-0000-000000000000');
        GET DIAGNOSTICS copied = ROW_COUNT;
        IF copied > 0 THEN
            RETURN copied;
        END IF;
    END LOOP;
    ALTER TABLE care.audit_events DETACH PARTITION partitions.audit_events_default;
    ALTER TABLE partitions.audit_events_default RENAME TO audit_events_default_before;
    DROP INDEX partitions.audit_events_default_id_idx;
    CREATE TABLE partitions.audit_events_default (LIKE care.audit_events INCLUDING ALL);
    CREATE INDEX audit_events_default_id_idx ON partitions.audit_events_default (id);
    ALTER TABLE partitions.audit_events_default ENABLE ROW LEVEL SECURITY;
    ALTER TABLE partitions.audit_events_default FORCE ROW LEVEL SECURITY;
    CREATE POLICY owner ON partitions.audit_events_default TO CURRENT_USER USING (true) WITH CHECK (true);
    INSERT INTO partitions.audit_events_default SELECT * FROM partitions.audit_events_default_before d
     WHERE NOT EXISTS (SELECT FROM unnest(firsts, ends) AS m (first, after) WHERE d.id >= m.first AND d.id < m.after);
    FOREACH month IN ARRAY months LOOP
        place := 'audit_events_' || to_char(month, 'YYYY_MM');
        staged := place || '_staged';
        lower := partitions.first_id(month);
        upper := partitions.first_id(month + interval '1 month');
        -- What came while others were copied, with an id before theirs.
        EXECUTE format('INSERT INTO partitions.%1$I SELECT * FROM partitions.audit_events_default_before d'
                       ' WHERE d.id >= %2$L AND d.id < %3$L AND NOT EXISTS'
                       ' (SELECT FROM partitions.%1$I s WHERE s.clinic_id = d.clinic_id AND s.id = d.id)',
                       staged, lower, upper);
        EXECUTE format('DROP INDEX partitions.%I', staged || '_by_id');
        EXECUTE format('ALTER TABLE partitions.%I RENAME TO %I', staged, place);
        EXECUTE format('ALTER TABLE care.audit_events ATTACH PARTITION partitions.%I FOR VALUES FROM (%L) TO (%L)',
                       place, lower, upper);
        EXECUTE format('ALTER TABLE partitions.%I DROP CONSTRAINT of_its_month', place);
    END LOOP;
    ALTER TABLE care.audit_events ATTACH PARTITION partitions.audit_events_default DEFAULT;
    DROP TABLE partitions.audit_events_default_before;
    RETURN 0;
END $lines$;
REVOKE ALL ON FUNCTION care.move_default_lines() FROM PUBLIC;
