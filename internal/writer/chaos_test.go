package writer

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/mapping"
)

// TestNothingIsLostOrDoubled lets an application change rows while calls are
// lost, refused and cut off by deaths, and compares both sides in the end.
func TestNothingIsLostOrDoubled(t *testing.T) {
	t.Parallel()
	seeds := uint64(3)
	if testing.Short() {
		seeds = 2
	}
	for n := range 3 * seeds {
		seed, algorithm := n/3, []mapping.Algorithm{mapping.Ordered, mapping.Dependency, mapping.Merged}[n%3]
		t.Run(fmt.Sprint(algorithm, " ", seed), func(t *testing.T) {
			t.Parallel()
			c := &chaos{site: newSite(t, func(c *Config) {
				c.Settings.Attempts, c.Connection.Algorithm = 1000, algorithm
			}), Rand: rand.New(rand.NewPCG(seed, 7))}
			for range 60 {
				c.change()
				if c.IntN(2) == 0 {
					c.trouble()
				}
			}
			c.calm()
			c.compare()
		})
	}
}

type chaos struct {
	*site
	*rand.Rand
	n int
}

// change is something that an application does.
func (c *chaos) change() {
	c.n++
	table := []string{"account", "opportunity"}[c.IntN(2)]
	where := fmt.Sprintf(`WHERE id = (SELECT id FROM %s ORDER BY random() LIMIT 1)`, table)
	switch c.IntN(5) {
	case 0, 1:
		if table == "account" {
			c.run(`INSERT INTO account (name, external_id__c) VALUES ($1, $1)`, fmt.Sprint("n", c.n))
		} else {
			// Equal rows, which nothing tells apart.
			c.run(`INSERT INTO opportunity (name, stagename, closedate) SELECT 'same', 'Prospecting', '2026-12-01' FROM generate_series(1, $1::int)`, 1+c.IntN(2))
		}
	case 2, 3:
		c.run(`UPDATE `+table+` SET name = $1 `+where, fmt.Sprint("u", c.n))
	case 4:
		c.run(`DELETE FROM ` + table + ` ` + where)
	}
}

// trouble sends, and something goes wrong.
func (c *chaos) trouble() {
	switch c.IntN(6) {
	case 0:
		c.fault(map[string]any{"kind": "drop_before", "count": 1, "path": "/composite"})
	case 1:
		c.fault(map[string]any{"kind": "drop_after", "count": 1, "path": "/composite"})
	case 2:
		c.fault(map[string]any{"kind": "row_error", "rows": 1, "count": 1, "code": "UNABLE_TO_LOCK_ROW", "message": "locked"})
	case 3:
		c.fault(map[string]any{"kind": "html", "count": 1, "path": "/composite"})
	case 4:
		c.dies()
	case 5:
		c.restart()
	}
	c.goOn()
}

// dies makes one call and forgets it at a random point.
func (c *chaos) dies() {
	got, err := c.claim(c.Context(), c.fence)
	c.must(err)
	defer c.restart()
	if len(got.calls) == 0 || c.IntN(4) == 0 {
		return
	}
	for _, call := range got.calls[:1+c.IntN(len(got.calls))] {
		c.must(c.journal.Sending(c.Context(), c.fence, call.batch, entriesOf(call.intents)))
		if c.IntN(3) == 0 {
			continue
		}
		results, err := c.send(c.Context(), call)
		if err != nil || c.IntN(2) == 0 {
			continue
		}
		c.must(c.journal.Accepted(c.Context(), call.batch, answersOf(call.intents, results)))
	}
}

// goOn is a turn of the writer; its errors are those of the trouble.
func (c *chaos) goOn() {
	c.age(resendAfter)
	_ = c.Recover(c.Context(), c.fence)
	_, _ = c.Drain(c.Context(), c.fence, time.Now().Add(time.Second))
}

// calm ends all trouble and waits until nothing is on its way.
func (c *chaos) calm() {
	c.must(c.org.Control().Do(c.Context(), "DELETE", "faults", nil, nil))
	for range 40 {
		c.age(ProbeFinal)
		c.must(c.Recover(c.Context(), c.fence))
		_, err := c.Drain(c.Context(), c.fence, time.Now().Add(10*time.Second))
		c.must(err)
		if c.lines(`SELECT count(*) FROM _trigger_log WHERE state IN ('NEW', 'PENDING')`) == "0\n" {
			return
		}
		<-time.After(20 * time.Millisecond)
	}
	c.Fatalf("does not come to rest; log:\n%s", c.lines(`SELECT id, action, table_name, record_id, state, sf_message FROM _trigger_log WHERE state IN ('NEW', 'PENDING')`))
}

func (c *chaos) compare() {
	for _, table := range []string{"account", "opportunity"} {
		org := map[string]string{}
		rows, err := c.client.QueryMaps(c.Context(), `SELECT Id, Name FROM `+c.cfg.Tables[table].Object, false)
		c.must(err)
		for _, r := range rows {
			org[fmt.Sprint(r["Id"])] = fmt.Sprint(r["Name"])
		}
		local := 0
		list, err := c.app.Query(c.Context(), `SELECT coalesce(sfid, ''), name FROM `+table)
		c.must(err)
		for list.Next() {
			var sfid, name string
			c.must(list.Scan(&sfid, &name))
			local++
			if org[sfid] != name {
				c.Errorf("%s %q: %q here, %q in the org", table, sfid, name, org[sfid])
			}
		}
		if local != len(org) {
			c.Errorf("%s: %d rows, %d records", table, local, len(org))
		}
	}
	c.want("failed", c.lines(`SELECT id, action, table_name, record_id, sf_message FROM _trigger_log WHERE state = 'FAILED'`), "")
}
