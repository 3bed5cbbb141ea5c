-- Removes every row about one patient of the clinic of this transaction.
--
-- It runs with its owner's rights, because the application may not delete from tables that only grow. What keeps
-- it from being misused: it asks for an approved request, refuses while a safety event is open, names the clinic
-- and the patient in every statement, takes no text, and finds its own names whatever the caller's search path says.
--
-- Which tables: the patient's own row, every table with a patient_id, and whatever hangs on one of these rows by a
-- foreign key. Read from the catalogue, so that a table of a later version cannot be forgotten. What stays: the
-- trail, the request and the tombstone, which hold ids and times.
CREATE OR REPLACE FUNCTION care.erase_patient(erased UUID) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $erase$
DECLARE
    clinic CONSTANT UUID := front_desk.tenant();
    stays CONSTANT TEXT[] := ARRAY['audit_events', 'erasure_requests', 'erasures'];
    step RECORD;
BEGIN
    IF NOT EXISTS (SELECT FROM care.erasure_requests r
                    WHERE r.clinic_id = clinic AND r.patient_id = erased AND r.state = 'approved') THEN
        RAISE EXCEPTION 'no approved request to erase this patient' USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- From here on nothing can be added that refers to the patient.
    PERFORM 1 FROM care.patients p WHERE p.clinic_id = clinic AND p.id = erased FOR UPDATE;
    IF EXISTS (SELECT FROM care.safety_events e
                WHERE e.clinic_id = clinic AND e.patient_id = erased AND e.state <> 'closed') THEN
        RAISE EXCEPTION 'a safety event of this patient is open' USING ERRCODE = 'insufficient_privilege';
    END IF;
    UPDATE care.erasure_requests r SET reason_sealed = NULL WHERE r.clinic_id = clinic AND r.patient_id = erased;
    -- Twice over what hangs on the patient. First downwards: rows that others refer to are locked, so that nobody adds
    -- one more below them (a worker its attempt, a device its token). Then upwards: what refers to a row goes before it.
    -- By name besides, so that two who do this never wait in a circle.
    FOR step IN
        WITH RECURSIVE reached (place, rows_of_patient, depth) AS (
            SELECT c.oid,
                   format('clinic_id = $1 AND %I = $2', CASE c.relname WHEN 'patients' THEN 'id' ELSE 'patient_id' END)
                       COLLATE "C",
                   0
              FROM pg_class c
             WHERE c.relnamespace = 'care'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> ALL (stays)
               AND (c.relname = 'patients' OR EXISTS (
                    SELECT FROM pg_attribute a
                     WHERE a.attrelid = c.oid AND a.attname = 'patient_id' AND NOT a.attisdropped))
            UNION ALL
            SELECT k.conrelid,
                   format('(%s) IN (SELECT %s FROM %s WHERE %s)',
                          (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY n.place)
                             FROM unnest(k.conkey) WITH ORDINALITY AS n (number, place)
                             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = n.number),
                          (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY n.place)
                             FROM unnest(k.confkey) WITH ORDINALITY AS n (number, place)
                             JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = n.number),
                          r.place::regclass, r.rows_of_patient),
                   r.depth + 1
              FROM reached r
              JOIN pg_constraint k ON k.confrelid = r.place AND k.contype = 'f' AND k.conrelid <> k.confrelid
             WHERE r.depth < 8
        )
        SELECT depth AS place_in_line, place::regclass::text AS name,
               format('SELECT count(*) FROM (SELECT FROM %s WHERE %s FOR UPDATE) AS held',
                      place::regclass, rows_of_patient) AS statement
          FROM reached
         WHERE EXISTS (SELECT FROM pg_constraint k WHERE k.confrelid = place AND k.contype = 'f')
        UNION ALL
        SELECT 100 - depth, place::regclass::text,
               format('DELETE FROM %s WHERE %s', place::regclass, rows_of_patient)
          FROM reached
         ORDER BY place_in_line, name
    LOOP
        EXECUTE step.statement USING clinic, erased;
    END LOOP;
END
$erase$;

REVOKE ALL ON FUNCTION care.erase_patient(UUID) FROM PUBLIC;
