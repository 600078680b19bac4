
BEGIN
{{- if .EveryPing}}
    -- A condition, unlike PERFORM, is evaluated without starting a query.
    IF pg_catalog.pg_notify({{.Channel}}, 'ping') IS NULL THEN
        RETURN NEW;
    END IF;
{{- else}}
    -- Who holds the lock looks at the log many times a second: a notification
    -- would only make this commit queue up behind all others. A condition,
    -- unlike PERFORM, is evaluated without starting a query.
    IF (CASE WHEN pg_catalog.pg_try_advisory_lock_shared({{.Watch}})
            THEN pg_catalog.pg_advisory_unlock_shared({{.Watch}}) AND pg_catalog.pg_notify({{.Channel}}, 'ping') IS NULL
            ELSE false END) THEN
        RETURN NEW;
    END IF;
{{- end}}
    RETURN NEW;
END
