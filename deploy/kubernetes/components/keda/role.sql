-- The role that KEDA asks as: it may log in twice at a time and read one view. Run it as a role that may make roles, with
-- the password as a variable of psql: psql -v password=... -f role.sql
CREATE ROLE dashplate_keda LOGIN PASSWORD :'password' NOINHERIT CONNECTION LIMIT 6;
GRANT SELECT ON stage_backlog TO dashplate_keda;
ALTER ROLE dashplate_keda SET default_transaction_read_only = on;
ALTER ROLE dashplate_keda SET statement_timeout = '5s';
