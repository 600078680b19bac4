
BEGIN
    -- A condition, unlike PERFORM, is evaluated without starting a query.
    IF pg_catalog.pg_notify({{.Channel}}, 'ping') IS NULL THEN
        RETURN NEW;
    END IF;
    RETURN NEW;
END
