#!/bin/sh
# Run by PostgreSQL's image at its first start: the two roles and the database, as docs/operations.md makes them.
set -eu
psql --username postgres --set=ON_ERROR_STOP=1 --set=owner="$OWNER_PASSWORD" --set=app="$APP_PASSWORD" <<'SQL'
CREATE ROLE clinic_owner LOGIN PASSWORD :'owner' NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
CREATE ROLE clinic_app LOGIN PASSWORD :'app' NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
CREATE DATABASE clinic OWNER clinic_owner;
REVOKE ALL ON DATABASE clinic FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE clinic TO clinic_app;
SQL
