package writer

import (
	"testing"

	"github.com/synclinehq/syncline/internal/brake"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/target"
)

func lowBrake(c *Config) {
	c.Connection.Options.BrakeRows, c.Connection.Options.BrakePercent = 5, 20
}

func (s *site) holds() []brake.Hold {
	s.Helper()
	var list []brake.Hold
	_, err := s.db.Write(s.Context(), s.fence, target.Options{}, func(ctx ctx, tx *target.Tx) (err error) {
		list, err = brake.Of(s.conn.ID).List(ctx, tx, false)
		return err
	})
	s.must(err)
	return list
}

func (s *site) answer(release bool, id int64) {
	s.Helper()
	b := brake.Of(s.conn.ID)
	_, err := s.db.Write(s.Context(), s.fence, target.Options{}, func(ctx ctx, tx *target.Tx) error {
		if release {
			return b.Release(ctx, tx, id, "ann")
		}
		return b.Discard(ctx, tx, id, "ann")
	})
	s.must(err)
}

func TestMassDeleteIsHeld(t *testing.T) {
	t.Parallel()
	for _, release := range []bool{true, false} {
		t.Run(map[bool]string{true: "released", false: "taken back"}[release], func(t *testing.T) {
			t.Parallel()
			s := newSite(t, lowBrake, func(c *Config) { c.Settings.Window = 4 })
			s.run(`INSERT INTO account (name, external_id__c) SELECT 'n' || i, 'x' || i FROM generate_series(1, 20) i`)
			s.drain()
			s.run(`DELETE FROM account WHERE id <= 10`)
			s.run(`UPDATE account SET phone = '1' WHERE id = 20`)
			if p := s.drain(); p.Sent != 1 {
				t.Errorf("progress %+v", p)
			}
			s.want("log", s.lines(`SELECT action, state, count(*) FROM _trigger_log WHERE action <> 'INSERT' GROUP BY 1, 2 ORDER BY 1`), "DELETE|NEW|10\nUPDATE|SUCCESS|1\n")
			holds := s.holds()
			if len(holds) != 1 || holds[0].Rows != 10 || holds[0].Of != 20 || len(holds[0].Sample) != 10 || holds[0].Direction != brake.Write {
				t.Fatalf("holds %+v", holds)
			}
			s.restart()
			s.drain()
			s.answer(release, holds[0].ID)
			s.drain()
			want := map[bool]string{true: "SUCCESS|10\n", false: "IGNORED|10\n"}[release]
			s.want("log", s.lines(`SELECT state, count(*) FROM _trigger_log WHERE action = 'DELETE' GROUP BY 1`), want)
			s.want("read again", s.lines(`SELECT count(*) FROM _syncline.deferred`), map[bool]string{true: "0\n", false: "10\n"}[release])
			s.drain()
			s.want("spent", s.lines(`SELECT spent_at IS NOT NULL, released_by FROM _syncline.hold`), "t|ann\n")
			s.run(`DELETE FROM account WHERE id = 19`)
			if p := s.drain(); p.Sent != 1 && release {
				t.Errorf("a single delete: %+v", p)
			}
		})
	}
}

func TestHoldLapsesWhenTheDeletesAreTakenAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, lowBrake)
	s.run(`INSERT INTO account (name, external_id__c) SELECT 'n' || i, 'x' || i FROM generate_series(1, 20) i`)
	s.drain()
	s.run(`DELETE FROM account`)
	s.drain()
	s.run(`UPDATE _trigger_log SET state = 'IGNORED' WHERE action = 'DELETE'`)
	s.run(`INSERT INTO account (name) VALUES ('other')`)
	s.drain()
	if h := s.holds(); len(h) != 0 {
		t.Errorf("holds %+v", h)
	}
}

// TestDeletesOneByOneAreOneRun: what is deleted in many small transactions is
// held as well.
func TestDeletesOneByOneAreOneRun(t *testing.T) {
	t.Parallel()
	s := newSite(t, lowBrake)
	s.run(`INSERT INTO account (name, external_id__c) SELECT 'n' || i, 'x' || i FROM generate_series(1, 20) i`)
	s.drain()
	for i := 1; i <= 8; i++ {
		s.run(`DELETE FROM account WHERE id = $1`, i)
		s.drain()
	}
	s.want("log", s.lines(`SELECT state, count(*) FROM _trigger_log WHERE action = 'DELETE' GROUP BY 1 ORDER BY 1`), "NEW|3\nSUCCESS|5\n")
}

func TestMappingThatTurnsReadOnly(t *testing.T) {
	t.Parallel()
	for when, want := range map[mapping.WhenReadOnly]string{
		mapping.SendThem: "SUCCESS\n", mapping.HoldThem: "NEW\n", mapping.DiscardThem: "READONLY\n",
	} {
		t.Run(string(when), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.run(`INSERT INTO account (name, external_id__c) VALUES ('A', 'x')`)
			s.drain()
			s.run(`UPDATE account SET phone = '1'`)
			s.turn(mapping.ReadOnly, when)
			s.drain()
			s.want("log", s.lines(`SELECT state FROM _trigger_log WHERE action = 'UPDATE'`), want)
			s.run(`INSERT INTO _trigger_log (state, action, table_name, record_id, "values", created_at)
				VALUES ('NEW', 'UPDATE', 'account', 2, 'phone=>2', now() + interval '1 hour')`)
			s.drain()
			s.want("later ones", s.lines(`SELECT state FROM _trigger_log ORDER BY id DESC LIMIT 1`), "READONLY\n")
			if when == mapping.HoldThem {
				s.turn(mapping.ReadWrite, when)
				s.drain()
				s.want("back", s.lines(`SELECT state FROM _trigger_log WHERE action = 'UPDATE' ORDER BY id LIMIT 1`), "SUCCESS\n")
			}
		})
	}
}

// turn changes the access of accounts, as a new writer finds it.
func (s *site) turn(a mapping.Access, when mapping.WhenReadOnly) {
	t := *s.cfg.Tables["account"]
	t.Access, t.Mapping.Options.WhenReadOnly = a, when
	s.cfg.Tables["account"] = &t
	s.restart()
}
