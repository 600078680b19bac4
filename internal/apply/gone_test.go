package apply_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/apply"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/target"
)

// versions are those of the rows as they are now.
func (s *site) versions(n ...int) []apply.Gone {
	s.Helper()
	ids := make([]string, len(n))
	for i, n := range n {
		ids[i] = sfid(n)
	}
	var out []apply.Gone
	err := s.db.Read(s.Context(), func(ctx context.Context, tx pgx.Tx) error {
		found, err := s.Versions(ctx, tx, ids)
		for _, id := range ids {
			out = append(out, apply.Gone{Sfid: id, Version: found[id]})
		}
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	return out
}

func (s *site) remove(gone []apply.Gone, asked time.Time) (res apply.Result, left []string) {
	s.Helper()
	_, err := s.db.Write(s.Context(), fence, target.Options{}, func(ctx context.Context, tx *target.Tx) (err error) {
		res, left, err = s.Remove(ctx, tx, gone, asked)
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	slices.Sort(left)
	return res, left
}

// TestRemoveLeavesRowsThatAreInUse: of five records that are gone one has a
// local change on its way, one was written since, one is held, one has a write
// that was accepted since.
func TestRemoveLeavesRowsThatAreInUse(t *testing.T) {
	t.Parallel()
	s := newSite(t, mapping.LastWriter)
	s.apply(s.batch(rec{N: 1, Name: "a"}, rec{N: 2, Name: "b"}, rec{N: 3, Name: "c"}, rec{N: 4, Name: "d"}, rec{N: 5, Name: "e"}, rec{N: 7, Name: "kept"}))
	app := s.app()
	s.run(app, `UPDATE salesforce.account SET name = 'mine' WHERE name = 'b'`)
	gone := s.versions(1, 2, 3, 4, 5, 6)
	asked := time.Now().Add(-time.Minute)
	s.apply(s.batch(rec{N: 3, Name: "is back", At: 1}))
	s.script(intent + `'update', 'Account', 'settled', (SELECT id FROM salesforce.account WHERE name = 'e'), '` + sfid(5) + `', NULL, '{}', now())`)
	s.run(app, `BEGIN; SELECT FROM salesforce.account WHERE name = 'd' FOR UPDATE`)
	res, left := s.remove(gone, asked)
	if diff := cmp.Diff([]string{sfid(2), sfid(3), sfid(4), sfid(5)}, left); diff != "" {
		t.Errorf("left: %s", diff)
	}
	if res.Deleted != 1 || s.lines(`SELECT name FROM salesforce.account ORDER BY name`) != "d\ne\nis back\nkept\nmine\n" {
		t.Errorf("%+v, rows %q", res, s.lines(`SELECT name FROM salesforce.account ORDER BY name`))
	}
	s.run(app, `COMMIT`)
	if res, left := s.remove(s.versions(4, 5), time.Now().Add(time.Minute)); res.Deleted != 2 || len(left) > 0 {
		t.Errorf("later: %+v, left %v", res, left)
	}
}

func TestRemoveMarksRowsByPolicy(t *testing.T) {
	t.Parallel()
	table := account(mapping.LastWriter)
	table.Mapping.Options.Deletes = mapping.KeepRow
	s := open(t, accounts.New(t), table)
	s.apply(s.batch(rec{N: 1, Name: "a"}, rec{N: 2, Name: "b"}))
	if res, left := s.remove(s.versions(1), time.Now()); res.Updated != 1 || res.Deleted != 0 || len(left) > 0 {
		t.Errorf("%+v, left %v", res, left)
	}
	if got := s.lines(`SELECT name, isdeleted::text, _hc_lastop FROM salesforce.account ORDER BY name`); got != "a|true|SYNCED\nb|false|SYNCED\n" {
		t.Errorf("rows %q", got)
	}
}
