
DECLARE
    log_id pg_catalog.int4;
    picked {{.Hstore}}.hstore := source_row;
BEGIN
    IF {{.Hstore}}.fetchval(source_row, 'id') IS NULL THEN
        RETURN NULL;
    END IF;
    IF pg_catalog.array_length(columns_to_include, 1) <> 0 THEN
        picked := {{.Hstore}}.slice(source_row, columns_to_include);
    END IF;
    INSERT INTO {{.Log}} (action, table_name, txid, created_at, state, record_id, sfid, "values")
    VALUES ('UPDATE', table_name, pg_catalog.txid_current(), pg_catalog.clock_timestamp(), 'NEW',
            {{.Hstore}}.fetchval(source_row, 'id')::pg_catalog.int4, {{.Hstore}}.fetchval(source_row, 'sfid'),
            {{.Hstore}}.delete(picked, '{_hc_lastop,_hc_err}'::pg_catalog.text[])::pg_catalog.text)
    RETURNING id INTO log_id;
    RETURN log_id;
END
