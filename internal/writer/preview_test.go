package writer

import (
	"encoding/json"
	"testing"
)

func TestPreview(t *testing.T) {
	t.Parallel()
	s := newFamily(t, "dependency")
	s.cfg.Connection.Options.BrakeRows, s.cfg.Connection.Options.BrakePercent = 2, 20
	s.restart()
	s.run(`INSERT INTO account (name, external_id__c) SELECT 'n' || i, 'x' || i FROM generate_series(1, 5) i`)
	s.drain()
	s.run(`DELETE FROM account WHERE id <= 3`)
	s.run(`UPDATE account SET phone = '1' WHERE id = 5`)
	s.run(`INSERT INTO account (name, external_id__c, parent_row) VALUES ('A', 'a', 7), ('B', 'b', 6)`)
	s.run(`INSERT INTO contact (lastname, parent_row) VALUES ('C', 6), ('D', 99)`)
	s.run(`INSERT INTO opportunity (name) VALUES ('O')`)
	s.run(`UPDATE opportunity SET amount = 1`)
	s.run(`INSERT INTO _trigger_log (state, action, table_name, record_id, "values") VALUES ('NEW', 'UPDATE', 'nowhere', 1, 'a=>1')`)
	s.Hold("opportunity")
	before := s.lines(`SELECT * FROM _trigger_log ORDER BY id`)
	p, err := s.Preview(t.Context())
	s.must(err)
	got, err := json.MarshalIndent(p, "", " ")
	s.must(err)
	if p.Looked != 11 || p.More || p.Calls != 3 || p.Jobs != 0 || len(p.Fails) != 1 || len(p.Held) != 3 {
		t.Errorf("preview %s", got)
	}
	want := []PreviewSet{
		{1, "account", "Account", "update", false, 1, 1}, {1, "account", "Account", "upsert", false, 1, 1},
		{2, "account", "Account", "upsert", false, 1, 1}, {2, "contact", "Contact", "insert", false, 1, 1},
		{3, "account", "Account", "update", false, 1, 1},
	}
	for i, w := range want {
		if i >= len(p.Sets) || p.Sets[i] != w {
			t.Errorf("set %d of %s, want %+v", i, got, w)
		}
	}
	if after := s.lines(`SELECT * FROM _trigger_log ORDER BY id`); after != before {
		t.Errorf("the log was %s and is %s", before, after)
	}
	s.drain()
	if p, err = s.Preview(t.Context()); err != nil || len(p.Sets) != 0 || len(p.Held) != 3 {
		t.Errorf("afterwards %+v, %v", p, err)
	}
}
