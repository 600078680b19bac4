package target_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/synclinehq/syncline/internal/target"
)

func TestErrorsAreToldApartByWhatOneDoes(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	exec(t, db, `CREATE TABLE public.t (n integer CONSTRAINT small CHECK (n < 10), s varchar(3));
		CREATE TABLE public.mine ();
		CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not on Sundays'; END $$;
		CREATE TRIGGER refuse BEFORE DELETE ON public.mine EXECUTE FUNCTION public.refuse()`)
	cases := []struct {
		sql   string
		want  target.Class
		words string
	}{
		{"INSERT INTO public.t VALUES (10)", target.Value, "constraint small"},
		{"INSERT INTO public.t (s) VALUES ('long')", target.Value, "does not take this value"},
		{"SELECT E'\\u0000'", target.Other, ""},
		{"DELETE FROM public.mine", target.Value, "not on Sundays"},
		{"SELECT * FROM public.absent", target.Schema, "absent"},
		{"SELECT absent FROM public.t", target.Schema, "absent"},
		{"SELECT absent()", target.Schema, "absent"},
		{"SET ROLE pg_monitor; SELECT * FROM public.t", target.Rights, "lacks a right"},
		{"SET LOCAL statement_timeout = 1; SELECT pg_sleep(60)", target.Retry, "tries again"},
		{"SELECT pg_terminate_backend(pg_backend_pid())", target.Unavailable, "tries again"},
		{"SELECT 1 FROM 2", target.Other, ""},
	}
	for _, c := range cases {
		_, err := db.Pool().Exec(t.Context(), c.sql)
		if err == nil {
			t.Errorf("%s: no error", c.sql)
			continue
		}
		if got := target.Classify(err); got != c.want {
			t.Errorf("%s: %v, want %v (%v)", c.sql, got, c.want, err)
		}
		if words := target.Words(err); !strings.Contains(words, c.words) {
			t.Errorf("%s: words %q", c.sql, words)
		}
		db.Pool().Reset()
	}
}

func TestRefusedNamesTableColumnAndConstraint(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	exec(t, db, "CREATE TABLE public.t (n integer NOT NULL CONSTRAINT small CHECK (n < 10))")
	_, err := db.Pool().Exec(t.Context(), "INSERT INTO public.t VALUES (12)")
	if r, ok := target.Refused(err); !ok || r.Table != "t" || r.Constraint != "small" || r.Code != "23514" {
		t.Errorf("%+v, %v", r, ok)
	}
	_, err = db.Pool().Exec(t.Context(), "INSERT INTO public.t VALUES (NULL)")
	if r, ok := target.Refused(err); !ok || r.Column != "n" {
		t.Errorf("%+v, %v", r, ok)
	}
	if _, ok := target.Refused(errors.New("other")); ok {
		t.Error("refused by nobody")
	}
}

func TestCancelledWorkIsNotTheDatabasesFault(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c := target.Classify(db.Ping(ctx)); c != target.Other {
		t.Errorf("class %v", c)
	}
}
