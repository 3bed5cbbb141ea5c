-- Which clinic this transaction is of, as the policies of row-level security ask it.
--
-- The application's role may set app.clinic_id to anything, and so could SQL that somebody else put into a statement
-- of ours. So the service writes a proof behind the clinic's id, made with a key that this role cannot read, and for
-- this very connection: a proof that is seen elsewhere is worth nothing here. A setting without its proof names no
-- clinic. While the owner has installed no key (a database before `afterglow migrate` of this version), the id alone counts.
CREATE FUNCTION front_desk.tenant() RETURNS UUID
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $tenant$
DECLARE
    said CONSTANT TEXT := current_setting('app.clinic_id', true);
    secret BYTEA;
BEGIN
    IF said IS NULL OR said = '' THEN
        RETURN NULL;
    END IF;
    SELECT k.key INTO secret FROM front_desk.tenant_keys k WHERE k.id;
    IF secret IS NOT NULL AND substr(said, 38) IS DISTINCT FROM encode(
        sha256(secret || convert_to(left(said, 36) || '.' || pg_backend_pid(), 'UTF8') || secret), 'hex')
    THEN
        RETURN NULL;
    END IF;
    RETURN left(said, 36)::uuid;
END $tenant$;
