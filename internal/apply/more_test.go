package apply_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
)

func TestAnUnchangedBatchWritesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, mapping.LastWriter)
	var recs []rec
	for i := range 300 {
		recs = append(recs, rec{N: i, Name: fmt.Sprint("n", i), Phone: strings.Repeat("é", i%3), Ext: fmt.Sprint(i), Revenue: float64(i) / 8})
	}
	if got := s.apply(s.batch(recs...)); got != (apply.Result{Inserted: 300}) {
		t.Fatalf("first: %+v", got)
	}
	s.run(s.app(), `UPDATE salesforce.account SET phone = 'mine' WHERE name = 'n7'`)
	const versions = `SELECT id, xmin::text, ctid::text FROM salesforce.account ORDER BY id`
	before := s.lines(versions)
	for path, limits := range paths {
		s.Path(limits[0], limits[1])
		if got := s.apply(s.batch(recs...)); got != (apply.Result{}) {
			t.Errorf("%s: %+v", path, got)
		}
	}
	if diff := cmp.Diff(before, s.lines(versions)); diff != "" {
		t.Errorf("rows were written:\n%s", diff)
	}
}

func TestAnInterruptedLoadGoesOnOverItsOwnRows(t *testing.T) {
	t.Parallel()
	s := newSite(t, mapping.LastWriter)
	var recs []rec
	for i := range 500 {
		recs = append(recs, rec{N: i, Name: fmt.Sprint("n", i), Ext: fmt.Sprint(i)})
	}
	s.apply(s.batch(recs[:250]...))
	if got := s.apply(s.batch(recs...)); got != (apply.Result{Inserted: 250}) {
		t.Errorf("%+v", got)
	}
}

func TestHostileNames(t *testing.T) {
	t.Parallel()
	names := []string{`x"; drop table y`, `select`, `a'--`, `Ünï`, `__id2`, `s`, `t`, `$1`}
	var columns []mapping.Column
	for _, n := range names {
		columns = append(columns, col(n, text))
	}
	table := tableOf("Account", 0, mapping.LastWriter, columns...)
	table.Name = `we"ird; --`
	s := newSiteFor(t, table)
	for path, limits := range paths {
		s.Path(limits[0], limits[1])
		b := record.NewBatch(table.Layout)
		for n := range 3 {
			row := rec{N: n}.values()[4:]
			values := make([]record.Value, 0, len(table.Columns))
			for i := range names {
				values = append(values, record.TextValue(fmt.Sprint(path, `"';`, n, i)))
			}
			b.Append(append(values, row...))
		}
		if got := s.apply(b); got.Changes() != 3 {
			t.Errorf("%s: %+v", path, got)
		}
	}
	if got := s.lines(`SELECT count(*), count(DISTINCT "x""; drop table y") FROM salesforce."we""ird; --"`); got != "3|3\n" {
		t.Errorf("rows: %s", got)
	}
}

// kinds has a type of every kind and a value for it.
var kinds = []struct {
	kind record.Type
	text func(n int) string
}{
	{record.Type{Kind: record.Text, Length: 255}, func(n int) string { return fmt.Sprint("text ", n) }},
	{record.Type{Kind: record.Text}, func(n int) string { return fmt.Sprint("long\ntext ", n) }},
	{record.Type{Kind: record.Bool}, func(n int) string { return fmt.Sprint(n%2 == 0) }},
	{record.Type{Kind: record.Int}, func(n int) string { return fmt.Sprint(-n) }},
	{record.Type{Kind: record.Double, Scale: -1}, func(n int) string { return fmt.Sprint(float64(n) / 3) }},
	{record.Type{Kind: record.Date}, func(n int) string { return fmt.Sprintf("1700-01-%02d", n%28+1) }},
	{record.Type{Kind: record.Timestamp}, func(n int) string { return fmt.Sprintf("4000-12-31 23:59:%02d", n%60) }},
	{record.Type{Kind: record.Time}, func(n int) string { return fmt.Sprintf("23:59:%02d.001", n%60) }},
	{record.Type{Kind: record.Numeric, Scale: 2}, func(n int) string { return fmt.Sprintf("-1234567890123456.%02d", n%100) }},
	{record.Type{Kind: record.Timestamp, Zoned: true}, func(n int) string { return fmt.Sprintf("1700-01-01 23:59:%02d+00", n%60) }},
	{record.Type{Kind: record.ID, Length: 18}, func(n int) string { return sfid(n) }},
	{record.Type{Kind: record.MultiText, Length: 4099}, func(n int) string { return fmt.Sprint("a;", n) }},
}

func TestAWideTableOfEveryKind(t *testing.T) {
	t.Parallel()
	const wide = 200
	var columns []mapping.Column
	for i := range wide {
		columns = append(columns, col(fmt.Sprintf("Field_%d__c", i), kinds[i%len(kinds)].kind))
	}
	table := tableOf("Wide__c", -1, mapping.LastWriter, columns...)
	s := newSiteFor(t, table)
	round := 0
	for path, limits := range paths {
		s.Path(limits[0], limits[1])
		b := wideBatch(t, table, wide, round)
		if got := s.apply(b); got.Changes() != 5 {
			t.Errorf("%s: %+v", path, got)
		}
		if got := s.apply(b); got.Changes() != 0 {
			t.Errorf("%s, again: %+v", path, got)
		}
		round++
		for i, k := range kinds {
			want := k.text(4 + round - 1)
			v, err := k.kind.ParseText(want)
			if err != nil {
				t.Fatal(err)
			}
			got := s.lines(fmt.Sprintf(`SELECT field_%d__c::text FROM salesforce.wide__c WHERE sfid = '%s'`, i, sfid(4)))
			back, err := k.kind.ParseText(strings.TrimSuffix(got, "\n"))
			if err != nil || !back.Equal(v) {
				t.Errorf("%s, column %d: %q for %q (%v)", path, i, got, want, err)
			}
		}
	}
}

func wideBatch(t *testing.T, table *mapping.Table, wide, round int) *record.Batch {
	t.Helper()
	b := record.NewBatch(table.Layout)
	for n := range 5 {
		var values []record.Value
		for i := range wide {
			k := kinds[i%len(kinds)]
			v, err := k.kind.ParseText(k.text(n + round))
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, v)
		}
		b.Append(append(values, rec{N: n}.values()[4:]...))
	}
	return b
}

// TestPathsAgree plays random histories by two paths at once; both must end
// with the same rows.
func TestPathsAgree(t *testing.T) {
	t.Parallel()
	a, b := newSite(t, mapping.LastWriter), newSite(t, mapping.LastWriter)
	for seed := range uint64(15) {
		x, y := a.with(t, mapping.LastWriter, paths["arrays"]), b.with(t, mapping.LastWriter, paths["stage"])
		x.randomHistory(rand.New(rand.NewPCG(seed, 1)))
		y.randomHistory(rand.New(rand.NewPCG(seed, 1)))
		const rows = `SELECT coalesce(sfid, '-'), name, phone, revenue::text, ext__c, _hc_lastop FROM salesforce.account ORDER BY sfid, name, phone`
		if diff := cmp.Diff(x.lines(rows), y.lines(rows)); diff != "" {
			t.Fatalf("seed %d, arrays against stage:\n%s", seed, diff)
		}
	}
}

func (s *site) randomHistory(r *rand.Rand) {
	s.Helper()
	app := s.app()
	defer func() { _ = app.Close(s.Context()) }()
	word := func() string { return string(rune('a' + r.IntN(4))) }
	for range 6 {
		var recs []rec
		taken := map[string]bool{}
		for range 1 + r.IntN(8) {
			c := rec{N: r.IntN(6), Name: word(), Phone: word(), Deleted: r.IntN(6) == 0, At: r.IntN(9)}
			if ext := fmt.Sprint(r.IntN(8)); !taken[ext] && r.IntN(3) > 0 {
				taken[ext], c.Ext = true, ext
			}
			recs = append(recs, c)
		}
		s.apply(s.batch(recs...))
		n, w := r.IntN(6), word()
		switch r.IntN(4) {
		case 0:
			s.run(app, fmt.Sprintf(`UPDATE salesforce.account SET name = '%s' WHERE sfid = '%s'`, w, sfid(n)))
		case 1:
			s.run(app, fmt.Sprintf(`DELETE FROM salesforce.account WHERE sfid = '%s'`, sfid(n)))
		case 2:
			s.run(app, fmt.Sprintf(`INSERT INTO salesforce.account (name, ext__c) VALUES ('%s', '%d') ON CONFLICT DO NOTHING`, w, n))
		default:
			s.script(`UPDATE salesforce._trigger_log SET state = 'SUCCESS'`)
		}
	}
}
