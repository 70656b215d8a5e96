-- A database that the server takes as current: psql -v ON_ERROR_STOP=1 -f sql/setup.sql <database>
\set ON_ERROR_STOP on
BEGIN;
\ir 01_schema.sql
\ir 02_seed_data.sql
COMMIT;
