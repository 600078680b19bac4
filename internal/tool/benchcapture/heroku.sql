-- Capture as Heroku Connect's public schema dumps behave, written from those
-- facts: the yardstick that ours is measured against.
CREATE FUNCTION public.get_xmlbinary() RETURNS varchar LANGUAGE plpgsql AS $$
DECLARE v varchar;
BEGIN
    SELECT setting INTO v FROM pg_settings WHERE name = 'xmlbinary';
    RETURN v;
END $$;
CREATE FUNCTION heroku.notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('heroku.hc_trigger_log', 'ping');
    RETURN NEW;
END $$;
CREATE TRIGGER tlog_insert_trigger AFTER INSERT ON heroku._trigger_log FOR EACH ROW EXECUTE FUNCTION heroku.notify();
CREATE FUNCTION heroku.logger() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    trigger_row heroku._trigger_log;
    excluded text[] := ARRAY['_hc_lastop', '_hc_err'];
BEGIN
    trigger_row.id := nextval('heroku._trigger_log_id_seq');
    trigger_row.action := TG_OP;
    trigger_row.table_name := TG_TABLE_NAME;
    trigger_row.txid := txid_current();
    trigger_row.created_at := clock_timestamp();
    trigger_row.state := 'NEW';
    IF TG_OP = 'DELETE' THEN
        trigger_row.record_id := OLD.id;
        trigger_row.old := hstore(OLD.*) - excluded;
        trigger_row.sfid := OLD.sfid;
    ELSIF TG_OP = 'INSERT' THEN
        trigger_row.record_id := NEW.id;
        trigger_row.values := hstore(NEW.*) - excluded;
    ELSE
        trigger_row.record_id := NEW.id;
        trigger_row.old := hstore(OLD.*) - excluded;
        trigger_row.values := (hstore(NEW.*) - trigger_row.old::hstore) - excluded;
        trigger_row.sfid := OLD.sfid;
        IF trigger_row.values = ''::hstore::text THEN
            trigger_row.state := 'IGNORE';
        END IF;
    END IF;
    INSERT INTO heroku._trigger_log VALUES (trigger_row.*);
    RETURN NULL;
END $$;
CREATE FUNCTION heroku.status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF get_xmlbinary() = 'base64' THEN
        NEW._hc_lastop := 'PENDING';
        NEW._hc_err := NULL;
    ELSIF TG_OP = 'UPDATE' AND NEW._hc_lastop IS NOT NULL AND NEW._hc_lastop != OLD._hc_lastop THEN
        RETURN NEW;
    ELSE
        NEW._hc_lastop := 'SYNCED';
        NEW._hc_err := NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER hc_account_logtrigger AFTER INSERT OR UPDATE OR DELETE ON heroku.account
    FOR EACH ROW WHEN (public.get_xmlbinary()::text = 'base64'::text) EXECUTE FUNCTION heroku.logger();
CREATE TRIGGER hc_account_status_trigger BEFORE INSERT OR UPDATE ON heroku.account
    FOR EACH ROW EXECUTE FUNCTION heroku.status();
