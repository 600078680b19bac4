
DECLARE
    log_id pg_catalog.int4;
BEGIN
    IF {{.Hstore}}.fetchval(source_row, 'id') IS NULL THEN
        RETURN NULL;
    END IF;
    INSERT INTO {{.Log}} (action, table_name, txid, created_at, state, record_id, "values")
    VALUES ('INSERT', table_name, pg_catalog.txid_current(), pg_catalog.clock_timestamp(), 'NEW',
            {{.Hstore}}.fetchval(source_row, 'id')::pg_catalog.int4,
            {{.Hstore}}.delete(source_row, pg_catalog.array_cat(
                pg_catalog.array_remove(pg_catalog.array_remove(excluded_cols, 'id'), 'sfid'),
                '{_hc_lastop,_hc_err}'::pg_catalog.text[]))::pg_catalog.text)
    RETURNING id INTO log_id;
    RETURN log_id;
END
