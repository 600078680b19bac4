
DECLARE
    pairs {{.Hstore}}.hstore;
    row {{.Hstore}}.hstore;
    whole pg_catalog.text;
    changed pg_catalog.text;
    style pg_catalog.text;
    digits pg_catalog.text;
    listed pg_catalog.bool := false;
BEGIN
    -- One condition for all that is rare: each expression costs every row.
    IF pg_catalog.current_setting('syncline.capture', true) = 'off'
       OR NOT pg_catalog.starts_with(pg_catalog.current_setting('datestyle'), 'ISO')
       OR pg_catalog.current_setting('extra_float_digits') <> '1'
          AND pg_catalog.current_setting('extra_float_digits') NOT IN ('2', '3') THEN
        IF pg_catalog.current_setting('syncline.capture', true) = 'off' THEN
            RETURN NULL;
        END IF;
        style := pg_catalog.current_setting('datestyle');
        digits := pg_catalog.current_setting('extra_float_digits');
        PERFORM pg_catalog.set_config('datestyle', 'ISO, YMD', true),
                pg_catalog.set_config('extra_float_digits', '1', true);
    END IF;
    -- listed: the table has the columns that are written out below, no more and no
    -- fewer. The planner makes a constant of that and forgets it when the table
    -- changes, since the table's OID stands in the expression; for the same reason
    -- it stands in those that name columns. The names are compared first, since the
    -- rest can't be parsed once the table is called something else.
    IF TG_TABLE_NAME = {{.Table}} AND TG_TABLE_SCHEMA = {{.Schema}} THEN
        listed := TG_RELID = {{.OID}} AND {{.Hstore}}.akeys({{.Hstore}}.hstore(NULL::{{.Relation}})) = {{.Names}};
    END IF;
    -- What is assigned here could stand in the INSERTs below; but PL/pgSQL keeps
    -- a plain expression ready from row to row, and starts a query anew.
    IF TG_OP = 'INSERT' THEN
        IF listed THEN
            whole := CASE WHEN TG_RELID = {{.OID}} THEN {{.Pairs "NEW"}} END::pg_catalog.text;
        ELSE
            whole := {{.Hstore}}.delete({{.Hstore}}.hstore(NEW), '{_hc_lastop,_hc_err}'::pg_catalog.text[])::pg_catalog.text;
        END IF;
        INSERT INTO {{.Log}} (id, txid, created_at, updated_at, state, action, table_name, record_id, "values")
        VALUES (pg_catalog.nextval({{.Sequence}}), pg_catalog.txid_current(), pg_catalog.clock_timestamp(), NULL,
                '{{.State}}', 'INSERT', {{.Table}}, NEW.id, whole);
    ELSIF TG_OP = 'UPDATE' THEN
        IF listed THEN
            row := CASE WHEN TG_RELID = {{.OID}} THEN {{.Pairs "OLD"}} END;
            pairs := CASE WHEN TG_RELID = {{.OID}} THEN {{.Pairs "NEW"}} END;
            whole := row::pg_catalog.text;
            changed := {{.Hstore}}.delete(pairs, row)::pg_catalog.text;
        ELSE
            -- One expression for both rows: what hstore has to look up about the
            -- columns, it looks up once in each transaction.
            FOR pass IN 1..2 LOOP
                pairs := {{.Hstore}}.hstore(CASE pass WHEN 1 THEN OLD ELSE NEW END);
                IF pass = 1 THEN
                    row := {{.Hstore}}.delete(pairs, '{_hc_lastop,_hc_err}'::pg_catalog.text[]);
                    whole := row::pg_catalog.text;
                END IF;
            END LOOP;
            changed := {{.Hstore}}.delete({{.Hstore}}.delete(pairs, row), '{_hc_lastop,_hc_err}'::pg_catalog.text[])::pg_catalog.text;
        END IF;
        INSERT INTO {{.Log}} (id, txid, created_at, updated_at, state, action, table_name, record_id, sfid, old, "values")
        VALUES (pg_catalog.nextval({{.Sequence}}), pg_catalog.txid_current(), pg_catalog.clock_timestamp(), NULL,
                {{if .Writes}}CASE WHEN changed = '' THEN 'IGNORE' ELSE 'NEW' END{{else}}'READONLY'{{end}},
                'UPDATE', {{.Table}}, NEW.id, OLD.sfid, whole, changed);
    ELSIF TG_OP = 'DELETE' THEN
        whole := {{.Hstore}}.delete({{.Hstore}}.hstore(OLD), '{_hc_lastop,_hc_err}'::pg_catalog.text[])::pg_catalog.text;
        INSERT INTO {{.Log}} (id, txid, created_at, updated_at, state, action, table_name, record_id, sfid, old)
        VALUES (pg_catalog.nextval({{.Sequence}}), pg_catalog.txid_current(), pg_catalog.clock_timestamp(), NULL,
                {{if .Writes}}CASE WHEN OLD.sfid IS NULL THEN 'IGNORE' ELSE 'NEW' END{{else}}'READONLY'{{end}},
                'DELETE', {{.Table}}, OLD.id, OLD.sfid, whole);
    END IF;
    IF style IS NOT NULL THEN
        PERFORM pg_catalog.set_config('datestyle', style, true),
                pg_catalog.set_config('extra_float_digits', digits, true);
    END IF;
    RETURN NULL;
END
