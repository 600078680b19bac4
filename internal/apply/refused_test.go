package apply_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/mapping"
)

// refusal is one way in which the application's own rules stand against a
// record.
type refusal struct {
	name    string
	rules   string // DDL of the application's
	seed    []rec
	in      []rec
	code    string // of the refused record
	rows    string // what is in the table then
	want    apply.Result
	relief  string // after which it applies
	onceFit string
}

var refusals = []refusal{
	{
		name:  "a check constraint",
		rules: `ALTER TABLE salesforce.account ADD CONSTRAINT no_bob CHECK (name <> 'Bob')`,
		in:    []rec{{N: 1, Name: "Ann"}, {N: 2, Name: "Bob"}, {N: 3, Name: "Cid"}},
		code:  "23514", rows: "Ann Cid ", want: apply.Result{Inserted: 2, Refused: 1},
		relief: `ALTER TABLE salesforce.account DROP CONSTRAINT no_bob`, onceFit: "Ann Bob Cid ",
	},
	{
		name:  "a check constraint on an update",
		rules: `ALTER TABLE salesforce.account ADD CONSTRAINT no_bob CHECK (name <> 'Bob')`,
		seed:  []rec{{N: 1, Name: "Ann"}, {N: 2, Name: "Ben"}},
		in:    []rec{{N: 1, Name: "Anna", At: 1}, {N: 2, Name: "Bob", At: 1}},
		code:  "23514", rows: "Anna Ben ", want: apply.Result{Updated: 1, Refused: 1},
		relief: `ALTER TABLE salesforce.account DROP CONSTRAINT no_bob`, onceFit: "Anna Bob ",
	},
	{
		name: "a trigger that raises",
		rules: `CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF NEW.name = 'Bob' THEN RAISE EXCEPTION 'no Bobs' USING ERRCODE = 'NB001'; END IF; RETURN NEW; END $$;
			CREATE TRIGGER no BEFORE INSERT OR UPDATE ON salesforce.account FOR EACH ROW EXECUTE FUNCTION no()`,
		in:   []rec{{N: 1, Name: "Ann"}, {N: 2, Name: "Bob"}, {N: 3, Name: "Cid"}},
		code: "NB001", rows: "Ann Cid ", want: apply.Result{Inserted: 2, Refused: 1},
		relief: `DROP TRIGGER no ON salesforce.account`, onceFit: "Ann Bob Cid ",
	},
	{
		name: "a trigger with a fault of its own",
		rules: `CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF NEW.name = 'Bob' THEN INSERT INTO nowhere VALUES (1); END IF; RETURN NEW; END $$;
			CREATE TRIGGER no AFTER INSERT ON salesforce.account FOR EACH ROW EXECUTE FUNCTION no()`,
		in:   []rec{{N: 1, Name: "Ann"}, {N: 2, Name: "Bob"}},
		code: "42P01", rows: "Ann ", want: apply.Result{Inserted: 1, Refused: 1},
		relief: `DROP TRIGGER no ON salesforce.account`, onceFit: "Ann Bob ",
	},
	{
		name: "a constraint that would be checked at the end",
		rules: `CREATE TABLE people (name text PRIMARY KEY); INSERT INTO people VALUES ('Ann');
			ALTER TABLE salesforce.account ADD CONSTRAINT known FOREIGN KEY (name) REFERENCES people DEFERRABLE INITIALLY DEFERRED`,
		in:   []rec{{N: 1, Name: "Ann"}, {N: 2, Name: "Bob"}},
		code: "23503", rows: "Ann ", want: apply.Result{Inserted: 1, Refused: 1},
		relief: `INSERT INTO people VALUES ('Bob')`, onceFit: "Ann Bob ",
	},
	{
		name: "a delete that a foreign key forbids",
		rules: `ALTER TABLE salesforce.account ADD CONSTRAINT by_name UNIQUE (name);
			CREATE TABLE orders (buyer text REFERENCES salesforce.account (name))`,
		seed: []rec{{N: 1, Name: "Ann"}, {N: 2, Name: "Bob"}},
		in:   []rec{{N: 1, Name: "Ann", Deleted: true}, {N: 2, Name: "Bob", Deleted: true}},
		code: "23503", rows: "Bob ", want: apply.Result{Deleted: 1, Refused: 1},
		relief: `DELETE FROM orders`, onceFit: "",
	},
	{
		name:  "a column that the application narrowed",
		rules: `ALTER TABLE salesforce.account ALTER name TYPE varchar(5)`,
		in:    []rec{{N: 1, Name: "Ann"}, {N: 2, Name: "Barbara"}},
		code:  "22001", rows: "Ann ", want: apply.Result{Inserted: 1, Refused: 1},
		relief: `ALTER TABLE salesforce.account ALTER name TYPE varchar(80)`, onceFit: "Ann Barbara ",
	},
}

// TestARefusedRecordIsSetAside: by each path, with the rows around it applied.
func TestARefusedRecordIsSetAside(t *testing.T) {
	t.Parallel()
	for _, r := range refusals {
		for name, limits := range paths {
			t.Run(r.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, mapping.LastWriter)
				s.Path(limits[0], limits[1])
				s.apply(s.batch(r.seed...))
				s.script(r.rules)
				if r.name == "a delete that a foreign key forbids" {
					s.script(`INSERT INTO orders VALUES ('Bob')`)
				}
				if diff := cmp.Diff(r.want, s.apply(s.batch(r.in...))); diff != "" {
					t.Errorf("result: %s", diff)
				}
				const names = `SELECT coalesce(string_agg(name || ' ', '' ORDER BY name), '') FROM salesforce.account`
				if got := s.lines(names); got != r.rows+"\n" {
					t.Errorf("rows %q, want %q", got, r.rows)
				}
				const errors = `SELECT sfid, code, attempts::text, (next_at > now())::text, message <> '', record LIKE '%"name":"B%' FROM _syncline.read_error`
				want := sfid(2) + "|" + r.code + "|1|true|true|true\n"
				if got := s.lines(errors); got != want {
					t.Errorf("read errors %q, want %q", got, want)
				}
				s.apply(s.batch(r.in[len(r.in)-1], r.in[1]))
				if got := s.lines(`SELECT attempts::text FROM _syncline.read_error`); got != "2\n" {
					t.Errorf("attempts after the second time: %q", got)
				}
				s.script(r.relief)
				s.apply(s.batch(r.in[1]))
				if got := s.lines(names) + s.lines(errors); got != r.onceFit+"\n" {
					t.Errorf("after the relief %q, want %q", got, r.onceFit)
				}
			})
		}
	}
}

// TestARecordThatWaitsInVainForAUniqueValue turns into a read error.
func TestARecordThatWaitsInVainForAUniqueValue(t *testing.T) {
	t.Parallel()
	s := newSite(t, mapping.LastWriter)
	s.apply(s.batch(rec{N: 1, Name: "Ann", Ext: "a"}))
	twin := rec{N: 2, Name: "Bob", Ext: "a"}
	if got := s.apply(s.batch(twin)); got.Deferred != 1 {
		t.Errorf("at first: %+v", got)
	}
	s.script(`UPDATE _syncline.deferred SET since = now() - interval '2 minutes'`)
	s.apply(s.batch(twin))
	const waiting = `SELECT sfid, code FROM _syncline.read_error UNION ALL SELECT sfid, 'deferred' FROM _syncline.deferred`
	if got := s.lines(waiting); got != sfid(2)+"|23505\n" {
		t.Errorf("after two minutes %q", got)
	}
	s.apply(s.batch(twin)) // clashes again: no second note of it
	if got := s.lines(waiting); got != sfid(2)+"|23505\n" {
		t.Errorf("after another attempt %q", got)
	}
	s.apply(s.batch(rec{N: 1, Name: "Ann", Ext: "b", At: 1}))
	if got := s.apply(s.batch(twin)); got.Inserted != 1 {
		t.Errorf("with the value free: %+v", got)
	}
	if got := s.lines(waiting); got != "" {
		t.Errorf("still waiting: %q", got)
	}
}

// TestADeletedRecordsRowMayStay by policy.
func TestADeletedRecordsRowMayStay(t *testing.T) {
	t.Parallel()
	table := account(mapping.LastWriter)
	table.Mapping.Options.Deletes = mapping.KeepRow
	s := open(t, accounts.New(t), table)
	s.apply(s.batch(rec{N: 1, Name: "Ann", Ext: "x"}, rec{N: 2, Name: "Bob"}))
	if got := s.apply(s.batch(rec{N: 1, Name: "Ann", Ext: "x", Deleted: true, At: 1}, rec{N: 3, Name: "never seen", Deleted: true})); got.Updated != 1 || got.Deleted != 0 {
		t.Errorf("result %+v", got)
	}
	if got := s.lines(`SELECT name, isdeleted::text, _hc_lastop FROM salesforce.account ORDER BY name`); got != "Ann|true|SYNCED\nBob|false|SYNCED\n" {
		t.Errorf("rows %q", got)
	}
	s.apply(s.batch(rec{N: 4, Name: "Cid", Ext: "x"}, rec{N: 1, Name: "Ann", Ext: "x", Deleted: true, At: 1}))
	if got := s.lines(`SELECT name FROM salesforce.account WHERE ext__c = 'x'`); got != "Cid\n" {
		t.Errorf("the unique value's new owner: %q", got)
	}
	s.apply(s.batch(rec{N: 4, Name: "Cid", Ext: "x", Deleted: true, At: 2}, rec{N: 1, Name: "Ann", Ext: "x", At: 2}))
	if got := s.lines(`SELECT name, isdeleted::text FROM salesforce.account ORDER BY name`); got != "Ann|false\nBob|false\nCid|true\n" {
		t.Errorf("after the undelete %q", got)
	}
}
