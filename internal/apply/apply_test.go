package apply_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/mapping"
)

// scenario is one case of decision by apply. It runs by every path and must
// end the same.
type scenario struct {
	name   string
	policy mapping.Policy
	seed   []rec  // rows that are equal on both sides
	app    string // what the application has committed since
	ours   string // what the writer has noted since
	holds  string // what the application has done in a transaction still open
	in     []rec
	late   time.Duration // how long before now the batch was asked for
	want   apply.Result
	state  string
}

const intent = `INSERT INTO _syncline.intent (connection_id, batch, position, mapping, table_name, log_id, op, object, state, record_id, sfid, external_id, body, settled_at)
	VALUES ('11111111-1111-4111-8111-111111111111', gen_random_uuid(), 0, '22222222-2222-4222-8222-222222222222', 'account', 1, `

// First there was one account: row 1.
var one = []rec{{N: 1, Name: "Acme", Phone: "555", Ext: "a"}}

var scenarios = []scenario{
	{
		name: "a new record", in: one, want: apply.Result{Inserted: 1},
		state: "001000000000001AAA|Acme|555||a|SYNCED|false\n",
	},
	{
		name: "a changed one", seed: one, in: []rec{{N: 1, Name: "Acme Ltd", Revenue: 1.5, Ext: "a", At: 1}}, want: apply.Result{Updated: 1},
		state: "001000000000001AAA|Acme Ltd||1.5|a|SYNCED|false\n",
	},
	{
		name: "an unchanged one", seed: one, in: one,
		state: "001000000000001AAA|Acme|555||a|SYNCED|false\n",
	},
	{
		name: "a deleted one", seed: one, in: []rec{{N: 1, Name: "Acme", Deleted: true}}, want: apply.Result{Deleted: 1},
	},
	{
		name: "one deleted before it was ever seen", in: []rec{{N: 1, Name: "Acme", Deleted: true}},
	},
	{
		name: "the newer of two versions counts", seed: one,
		in:    []rec{{N: 1, Name: "older", Ext: "a"}, {N: 1, Name: "newer", Ext: "a", At: 1}, {N: 2, Name: "x"}, {N: 2, Name: "x", Deleted: true}},
		want:  apply.Result{Updated: 1},
		state: "001000000000001AAA|newer|||a|SYNCED|false\n",
	},
	{
		name: "a local change of one column and a change of another", seed: one, app: `UPDATE salesforce.account SET name = 'Mine'`,
		in: []rec{{N: 1, Name: "Acme", Phone: "777", Ext: "a", At: 1}}, want: apply.Result{Updated: 1},
		state: `001000000000001AAA|Mine|777||a|PENDING|false
			base|1|name|Acme|Acme|true
			log|UPDATE|NEW|1`,
	},
	{
		name: "a local change of the same column", seed: one, app: `UPDATE salesforce.account SET name = 'Mine'; UPDATE salesforce.account SET name = 'Mine too'`,
		in: []rec{{N: 1, Name: "Theirs", Phone: "555", Ext: "a"}},
		state: `001000000000001AAA|Mine too|555||a|PENDING|false
			base|1|name|Acme|Theirs|true
			log|UPDATE|NEW|1
			log|UPDATE|NEW|1`,
	},
	{
		name: "a claimed change with its intent open waits", seed: one, app: `UPDATE salesforce.account SET name = 'Mine'`,
		ours: `UPDATE salesforce._trigger_log SET state = 'PENDING'; ` + intent + `'update', 'Account', 'open', 1, '001000000000001AAA', NULL, '{}', NULL)`,
		in:   []rec{{N: 1, Name: "Theirs", Phone: "555", Ext: "a"}}, want: apply.Result{Deferred: 1},
		state: `001000000000001AAA|Mine|555||a|PENDING|false
			deferred|001000000000001AAA|a write of it is on its way
			log|UPDATE|PENDING|1`,
	},
	{
		name: "a local delete is not undone", seed: one, app: `DELETE FROM salesforce.account`,
		in:    one,
		state: `log|DELETE|NEW|1`,
	},
	{
		name: "a local delete is not undone by an edit there", seed: one, app: `DELETE FROM salesforce.account`,
		in: []rec{{N: 1, Name: "Acme Ltd", Phone: "555", Ext: "a", At: 1}}, want: apply.Result{Conflicts: 1, Kept: 1},
		state: `conflict|001000000000001AAA||postgres
			log|DELETE|NEW|1`,
	},
	{
		name: "unless policy says so", policy: mapping.SalesforceWins, seed: one, app: `DELETE FROM salesforce.account`,
		in: []rec{{N: 1, Name: "Acme Ltd", Phone: "555", Ext: "a", At: 1}}, want: apply.Result{Conflicts: 1, Inserted: 1},
		state: `001000000000001AAA|Acme Ltd|555||a|SYNCED|false
			conflict|001000000000001AAA||salesforce
			log|DELETE|IGNORED|1`,
	},
	{
		name: "an echo that only moves the stamp does not undo a delete", policy: mapping.SalesforceWins, seed: one,
		app: `UPDATE salesforce.account SET name = 'Mine'; DELETE FROM salesforce.account`, in: []rec{{N: 1, Name: "Acme", Phone: "555", Ext: "a", At: 5}},
		state: `log|UPDATE|NEW|1
			log|DELETE|NEW|1`,
	},
	{
		name: "deleted there, changed here", policy: mapping.PostgresWins, seed: one, app: `UPDATE salesforce.account SET name = 'Mine'`,
		in: []rec{{N: 1, Name: "Acme", Deleted: true}}, want: apply.Result{Deleted: 1, Conflicts: 1},
		state: `conflict|001000000000001AAA||salesforce
			log|UPDATE|NEW|1`,
	},
	{
		name: "a row without sfid is found by its unique identifier", app: `INSERT INTO salesforce.account (name, ext__c) VALUES ('Mine', 'a')`,
		in: one, want: apply.Result{Updated: 1},
		state: `001000000000001AAA|Mine|555||a|PENDING|false
			log|INSERT|NEW|1`,
	},
	{
		name: "but not by a deleted record", app: `INSERT INTO salesforce.account (name, ext__c) VALUES ('Mine', 'a')`,
		in: []rec{{N: 1, Name: "Old", Ext: "a", Deleted: true}},
		state: `-|Mine|||a|PENDING|
			log|INSERT|NEW|1`,
	},
	{
		name: "a create on its way", app: `INSERT INTO salesforce.account (name, ext__c) VALUES ('Mine', 'a')`,
		ours: intent + `'upsert', 'Account', 'open', 1, NULL, 'a', '{}', NULL)`, in: one, want: apply.Result{Deferred: 1},
		state: `-|Mine|||a|PENDING|
			deferred|001000000000001AAA|a write of it is on its way
			log|INSERT|NEW|1`,
	},
	{
		name: "a create without identifier may be any unknown record that looks like it",
		app:  `INSERT INTO salesforce.account (name) VALUES ('Mine')`,
		ours: intent + `'insert', 'Account', 'open', 1, NULL, NULL, '{"attributes":{"type":"Account"},"Name":"Mine","Phone":"12"}', NULL)`,
		in:   []rec{{N: 1, Name: "Mine", Phone: "+12"}, {N: 2, Name: "Other"}}, want: apply.Result{Deferred: 1, Inserted: 1},
		state: `001000000000002AAA|Other||||SYNCED|false
			-|Mine||||PENDING|
			deferred|001000000000001AAA|it may be a create whose Id is not known yet
			log|INSERT|NEW|1`,
	},
	{
		name: "a page asked for before our write was accepted", seed: one,
		ours: `UPDATE salesforce._trigger_log SET state = 'SUCCESS'; ` + intent + `'update', 'Account', 'settled', 1, '001000000000001AAA', NULL, '{}', clock_timestamp())`,
		in:   []rec{{N: 1, Name: "older"}}, late: time.Minute, want: apply.Result{Passed: 1},
		state: `001000000000001AAA|Acme|555||a|SYNCED|false`,
	},
	{
		name: "a page asked for after it", seed: one,
		ours: intent + `'update', 'Account', 'settled', 1, '001000000000001AAA', NULL, '{}', clock_timestamp() - interval '1 minute')`,
		in:   []rec{{N: 1, Name: "newer", Ext: "a"}}, want: apply.Result{Updated: 1},
		state: `001000000000001AAA|newer|||a|SYNCED|false`,
	},
	{
		name: "a failed write keeps its status", seed: one, app: `UPDATE salesforce.account SET name = 'Mine'`,
		ours: `UPDATE salesforce._trigger_log SET state = 'FAILED'; SET LOCAL xmlbinary = 'hex'; UPDATE salesforce.account SET _hc_lastop = 'FAILED'`,
		in:   []rec{{N: 1, Name: "Acme", Phone: "777", Ext: "a", At: 1}}, want: apply.Result{Updated: 1},
		state: `001000000000001AAA|Acme|777||a|FAILED|false
			log|UPDATE|FAILED|1`,
	},
	{
		name: "a failed write keeps its values while the record is the same", seed: one, app: `UPDATE salesforce.account SET name = 'Mine'`,
		ours: `UPDATE salesforce._trigger_log SET state = 'FAILED'; SET LOCAL xmlbinary = 'hex'; UPDATE salesforce.account SET _hc_lastop = 'FAILED'`,
		in:   one,
		state: `001000000000001AAA|Mine|555||a|FAILED|false
			log|UPDATE|FAILED|1`,
	},
	{
		name: "a failed write keeps its values alone when another column changed in the same second", seed: one, app: `UPDATE salesforce.account SET name = 'Mine'`,
		ours: `UPDATE salesforce._trigger_log SET state = 'FAILED'; SET LOCAL xmlbinary = 'hex'; UPDATE salesforce.account SET _hc_lastop = 'FAILED'`,
		in:   []rec{{N: 1, Name: "Acme", Phone: "777", Ext: "a"}}, want: apply.Result{Updated: 1},
		state: `001000000000001AAA|Mine|777||a|FAILED|false
			log|UPDATE|FAILED|1`,
	},
	{
		name: "a record deleted after its write failed", policy: mapping.PostgresWins, seed: one, app: `UPDATE salesforce.account SET name = 'Mine'`,
		ours: `UPDATE salesforce._trigger_log SET state = 'FAILED'`,
		in:   []rec{{N: 1, Name: "Acme", Deleted: true}}, want: apply.Result{Deleted: 1},
		state: `log|UPDATE|FAILED|1`,
	},
	{
		name: "a row that the application holds waits", seed: one, holds: `UPDATE salesforce.account SET name = 'Mine'`,
		in: []rec{{N: 1, Name: "Theirs"}, {N: 2, Name: "New"}}, want: apply.Result{Deferred: 1, Inserted: 1},
		state: `001000000000001AAA|Mine|555||a|PENDING|false
			001000000000002AAA|New||||SYNCED|false
			deferred|001000000000001AAA|the application holds the row
			log|UPDATE|NEW|1`,
	},
	{
		name: "a held row that another shares the identifier with", seed: one, holds: `UPDATE salesforce.account SET name = 'Mine', ext__c = 'z' WHERE sfid <> ''`,
		app: `INSERT INTO salesforce.account (name, ext__c) VALUES ('Twin', 'b')`,
		in:  []rec{{N: 1, Name: "Theirs", Ext: "b"}}, want: apply.Result{Deferred: 1},
		state: `001000000000001AAA|Mine|555||z|PENDING|false
			-|Twin|||b|PENDING|
			deferred|001000000000001AAA|the application holds the row
			log|INSERT|NEW|2
			log|UPDATE|NEW|1`,
	},
	{
		name: "a row that the application is inserting", holds: `INSERT INTO salesforce.account (name, ext__c) VALUES ('Mine', 'a')`,
		in: []rec{{N: 1, Name: "Theirs", Ext: "a"}, {N: 2, Name: "New", Ext: "b"}, {N: 3, Name: "New", Ext: "c"}}, want: apply.Result{Deferred: 1, Inserted: 2},
		state: `001000000000002AAA|New|||b|SYNCED|false
			001000000000003AAA|New|||c|SYNCED|false
			-|Mine|||a|PENDING|
			deferred|001000000000001AAA|another row holds its unique value
			log|INSERT|NEW|1`,
	},
	{
		name: "two records change places", seed: []rec{{N: 1, Name: "A", Ext: "a"}, {N: 2, Name: "B", Ext: "b"}},
		in: []rec{{N: 1, Name: "A", Ext: "b"}, {N: 2, Name: "B", Ext: "a"}}, want: apply.Result{Updated: 2},
		state: `001000000000001AAA|A|||b|SYNCED|false
			001000000000002AAA|B|||a|SYNCED|false`,
	},
	{
		name: "a unique value that another row still holds", seed: []rec{{N: 1, Name: "A", Ext: "a"}, {N: 2, Name: "B", Ext: "b"}, {N: 4, Name: "D"}},
		in: []rec{{N: 2, Name: "B", Ext: "a"}, {N: 3, Name: "C", Ext: "a"}, {N: 4, Name: "D4"}, {N: 5, Name: "E"}}, want: apply.Result{Updated: 1, Inserted: 1, Deferred: 2},
		state: `001000000000001AAA|A|||a|SYNCED|false
			001000000000002AAA|B|||b|SYNCED|false
			001000000000004AAA|D4||||SYNCED|false
			001000000000005AAA|E||||SYNCED|false
			deferred|001000000000002AAA|another row holds its unique value
			deferred|001000000000003AAA|another row holds its unique value`,
	},
	{
		name: "the identifier of a record that is gone", seed: one, in: []rec{{N: 2, Name: "Heir", Ext: "a"}, {N: 1, Name: "Acme", Ext: "a", Deleted: true}},
		want:  apply.Result{Deleted: 1, Inserted: 1},
		state: `001000000000002AAA|Heir|||a|SYNCED|false`,
	},
	{
		name: "what was deferred is no longer once it is applied", seed: one,
		ours: `INSERT INTO _syncline.deferred (connection_id, mapping, sfid) VALUES ('11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222', '001000000000001AAA')`,
		in:   []rec{{N: 1, Name: "Acme Ltd", Ext: "a"}}, want: apply.Result{Updated: 1},
		state: `001000000000001AAA|Acme Ltd|||a|SYNCED|false`,
	},
}

func TestScenariosByEveryPath(t *testing.T) {
	t.Parallel()
	for path, limits := range paths {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, mapping.LastWriter)
			for _, sc := range scenarios {
				t.Run(sc.name, func(t *testing.T) { s.with(t, sc.policy, limits).check(sc) })
			}
		})
	}
}

func (s *site) check(sc scenario) {
	if len(sc.seed) > 0 {
		s.apply(s.batch(sc.seed...))
	}
	if diff := cmp.Diff(sc.want, s.play(sc)); diff != "" {
		s.Errorf("result (-want +got):\n%s", diff)
	}
	want := strings.TrimSpace(strings.ReplaceAll(sc.state, "\t", ""))
	if diff := cmp.Diff(want, strings.TrimSpace(s.state())); diff != "" {
		s.Errorf("state (-want +got):\n%s", diff)
	}
}

// play does what the scenario says up to the commit of the application's open
// transaction.
func (s *site) play(sc scenario) apply.Result {
	s.Helper()
	app := s.app()
	s.run(app, "SELECT 1;"+sc.app)
	s.script(sc.ours)
	b := s.batch(sc.in...)
	b.Asked = b.Asked.Add(-sc.late)
	if sc.holds == "" {
		return s.apply(b)
	}
	s.run(app, "BEGIN")
	s.run(app, sc.holds)
	res := s.apply(b)
	s.run(app, "COMMIT")
	return res
}
