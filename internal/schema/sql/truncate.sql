
BEGIN
    IF pg_catalog.current_setting('xmlbinary') <> 'base64'
       OR pg_catalog.current_setting('syncline.capture', true) = 'off' THEN
        RETURN NULL;
    END IF;
    IF pg_catalog.current_setting('syncline.truncate', true) = 'warn' THEN
        RAISE WARNING 'TRUNCATE of %.% is not sent to Salesforce: its records stay there', TG_TABLE_SCHEMA, TG_TABLE_NAME
            USING HINT = 'Reload the mapping to bring the rows back.';
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'TRUNCATE of %.% would not be sent to Salesforce', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'feature_not_supported',
              HINT = 'Use DELETE to delete the records in Salesforce too; to empty the table here only, SET syncline.truncate = ''warn'' first.';
END
