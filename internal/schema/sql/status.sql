
BEGIN
    IF pg_catalog.current_setting('xmlbinary') = 'base64'
       AND pg_catalog.current_setting('syncline.capture', true) IS DISTINCT FROM 'off' THEN
        -- Often the row is on its way already: what is not assigned to needn't be
        -- put together anew.
        IF NEW._hc_lastop IS DISTINCT FROM 'PENDING' OR NEW._hc_err IS NOT NULL THEN
            NEW._hc_lastop := 'PENDING';
            NEW._hc_err := NULL;
        END IF;
        RETURN NEW;
    END IF;
    IF pg_catalog.current_setting('syncline.keep_status', true) = 'on' THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF NEW._hc_lastop <> OLD._hc_lastop THEN
            RETURN NEW;
        END IF;
    END IF;
    NEW._hc_lastop := 'SYNCED';
    NEW._hc_err := NULL;
    RETURN NEW;
END
