package inbox_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/synclinehq/syncline/internal/inbox"
	"github.com/synclinehq/syncline/internal/mapping"
)

// Whatever the application, the org's rules and people do in between: when
// everything that failed has been retried, each row is in the org once, as it is
// here, and what was deleted is gone.
func TestRandomWork(t *testing.T) {
	t.Parallel()
	inEachAlgorithm(t, func(t *testing.T, a mapping.Algorithm) {
		for seed := range uint64(3) {
			r := &random{site: newSite(t, a), Rand: rand.New(rand.NewPCG(seed, 7))}
			for range 80 {
				r.step()
			}
			r.rule("", "", "", "")
			r.drain()
			for range 3 { // what is put off by one is done by the next
				_, err := r.inbox.Retry(t.Context(), inbox.Filter{Archived: true}, inbox.Span{}, false, nil)
				r.must(err)
				r.drain()
			}
			want := r.lines(`SELECT external_id__c, name, phone, annualrevenue FROM account ORDER BY external_id__c COLLATE "C"`)
			if got := r.orgLines(); got != want {
				t.Errorf("%s, seed %d\nsteps: %s\nin the org:\n%shere:\n%slog:\n%s", a, seed, strings.Join(r.done, "; "), got, want,
					r.lines(`SELECT id, state, action, record_id, "values", sf_message FROM (TABLE _trigger_log UNION ALL TABLE _trigger_log_archive) l ORDER BY id`))
				return
			}
		}
	})
}

type random struct {
	*site
	*rand.Rand
	done []string
	next int
}

func (r *random) step() {
	r.Helper()
	note := func(format string, args ...any) { r.done = append(r.done, fmt.Sprintf(format, args...)) }
	id := func() int { return 1 + r.IntN(max(1, r.next)) }
	switch n := r.IntN(20); {
	case n < 2 && r.next < 5 || r.next == 0:
		r.next++
		note("insert %d", r.next)
		r.run(`INSERT INTO account (name, external_id__c, phone, annualrevenue) VALUES ('A', $1, '0', $2)`, fmt.Sprintf("x%03d", r.next), float64(r.IntN(3)-1))
	case n < 8:
		i, v, phone, name := id(), r.IntN(4)-1, r.IntN(3) > 0, r.IntN(3) > 0
		note("row %d: revenue=%d phone %v name %v", i, v, phone, name)
		r.run(`UPDATE account SET annualrevenue = $2, phone = CASE WHEN $3 THEN $5 ELSE phone END, name = CASE WHEN $4 THEN 'N' || $5 ELSE name END WHERE id = $1`,
			i, float64(v), phone, name, fmt.Sprint(len(r.done)))
		if r.IntN(2) == 0 {
			r.drain()
		}
	case n < 10:
		i, v := id(), fmt.Sprint(r.IntN(5))
		note("row %d: phone=%s", i, v)
		r.run(`UPDATE account SET phone = $2 WHERE id = $1`, i, v)
	case n == 10 && r.IntN(3) == 0:
		i := id()
		note("delete %d", i)
		r.run(`DELETE FROM account WHERE id = $1`, i)
	case n == 11:
		note("no rule")
		r.rule("", "", "", "")
	case n < 14:
		note("rule")
		r.rule("Account", noNegatives, "No.", "AnnualRevenue")
	case n < 18:
		note("drain")
		r.drain()
	case n == 18:
		r.act(note)
	default:
		note("archive")
		r.must(r.writer.Archive(r.Context(), r.fence))
	}
}

// act does something about what failed.
func (r *random) act(note func(string, ...any)) {
	r.Helper()
	f := inbox.Filter{IDs: r.failed()}
	if len(f.IDs) == 0 {
		return
	}
	f.IDs = f.IDs[r.IntN(len(f.IDs)):]
	var err error
	switch r.IntN(4) {
	case 0:
		note("retry %v", f.IDs)
		_, err = r.inbox.Retry(r.Context(), f, inbox.Span{}, false, nil)
	case 1:
		note("retry from row %v", f.IDs)
		_, err = r.inbox.Retry(r.Context(), f, inbox.Span{}, true, nil)
	case 2:
		v := fmt.Sprint(r.IntN(3))
		note("edit %v revenue=%s", f.IDs, v)
		_, err = r.inbox.Edit(r.Context(), f, inbox.Span{}, inbox.Values{"annualrevenue": &v}, r.table, nil)
	case 3:
		note("grow old")
		r.run(`UPDATE _trigger_log SET processed_at = processed_at - interval '32 days' WHERE state = 'FAILED'`)
		err = r.writer.Archive(r.Context(), r.fence)
	}
	r.must(err)
}

// orgLines are the accounts in the org, as lines prints them.
func (r *random) orgLines() string {
	r.Helper()
	rows, err := r.Org.QueryMaps(r.Context(), `SELECT External_ID__c, Name, Phone, AnnualRevenue FROM Account ORDER BY External_ID__c`, false)
	r.must(err)
	var b strings.Builder
	for _, row := range rows {
		for i, field := range []string{"External_ID__c", "Name", "Phone", "AnnualRevenue"} {
			if i > 0 {
				b.WriteString("|")
			}
			if row[field] == nil {
				b.WriteString("-")
			} else {
				fmt.Fprint(&b, row[field])
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}
