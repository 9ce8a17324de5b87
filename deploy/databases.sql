-- Run once, by psql, on an empty PostgreSQL: two users who cannot read each other's databases.
\set ON_ERROR_STOP on
\getenv leeway LEEWAY_DB_PASSWORD
\getenv prefect PREFECT_DB_PASSWORD
CREATE ROLE leeway LOGIN PASSWORD :'leeway';
CREATE ROLE prefect LOGIN PASSWORD :'prefect';
CREATE DATABASE leeway OWNER leeway;
CREATE DATABASE leeway_mlflow OWNER leeway;
CREATE DATABASE prefect OWNER prefect;
REVOKE CONNECT ON DATABASE leeway, leeway_mlflow, prefect FROM PUBLIC;
\connect prefect
CREATE EXTENSION pg_trgm;
