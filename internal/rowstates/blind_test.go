package rowstates

import (
	"testing"
	"time"
)

// TestReadOfACreateWhoseIdIsNotStored: a record that may be the one that an
// insert without a unique identifier has just made gets no row of its own.
func TestReadOfACreateWhoseIdIsNotStored(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		t.Run(map[bool]string{false: "in flight", true: "answer lost"}[lost], func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			bare := *s.account
			bare.Upsert = -1
			s.account = &bare
			s.newWriter(time.Millisecond)
			s.sql(`INSERT INTO account (name, phone) VALUES ('One', '1')`)
			look := func() {
				s.read()
				if n := s.One(`SELECT count(*) FROM salesforce.account`); n != "1" {
					t.Errorf("%s rows after a read", n)
				}
			}
			if lost {
				s.newWriter(time.Hour)
				s.Fault(`{"kind":"drop_after","count":1,` + path + `}`)
				s.write()
				look()
				s.Faultless()
				s.newWriter(time.Millisecond)
			} else {
				s.org.during = look
			}
			s.rest()
			if got := s.lines(`SELECT count(*), count(sfid), min(_hc_lastop) FROM account`); got[0] != "1|1|SYNCED" && got[0] != "1|1|INSERTED" {
				t.Errorf("rows: %v", got)
			}
			rows, err := s.Org.QueryMaps(t.Context(), `SELECT Id FROM Account`, false)
			if err != nil || len(rows) != 1 {
				t.Errorf("records: %v, %v", rows, err)
			}
		})
	}
}
