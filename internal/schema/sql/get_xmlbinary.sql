SELECT pg_catalog.current_setting('xmlbinary')::pg_catalog.varchar
