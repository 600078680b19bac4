package target_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/target"
)

func TestFactsIdentifyTheDatabase(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	f, err := db.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(f.SystemIdentifier) < 15 || f.Timeline != 1 || f.DatabaseOID == 0 || f.Version < 130000 || f.InRecovery {
		t.Errorf("facts %+v", f)
	}
}

func TestOwnerRowTellsClonesAndRestoredControlStores(t *testing.T) {
	t.Parallel()
	mine := target.Owner{Connection: uuid.New(), Control: uuid.New(), Schema: "salesforce", Generation: 4}
	cases := []struct {
		name   string
		change string // what happened to the database
		owner  func(target.Owner) target.Owner
		want   error
		words  string
	}{
		{name: "the same again"},
		{name: "a later generation", owner: func(o target.Owner) target.Owner { o.Generation++; return o }},
		{
			name: "an older generation", owner: func(o target.Owner) target.Owner { o.Generation--; return o },
			want: target.ErrControlRestored, words: "generation 4",
		},
		{
			name: "another control store", owner: func(o target.Owner) target.Owner { o.Control = uuid.New(); return o },
			want: target.ErrCloned, words: "control store",
		},
		{
			name: "restored into another cluster", change: "UPDATE _syncline.owner SET system_identifier = '7'",
			want: target.ErrCloned, words: "the cluster was 7",
		},
		{
			name: "restored in place", change: "UPDATE _syncline.owner SET timeline = 9",
			want: target.ErrCloned, words: "the timeline was 9",
		},
		{
			name: "CREATE DATABASE TEMPLATE", change: "UPDATE _syncline.owner SET database_oid = 1",
			want: target.ErrCloned, words: "number was 1",
		},
		{name: "a service that hides its control file", change: "UPDATE _syncline.owner SET system_identifier = NULL, timeline = NULL"},
	}
	db := fresh(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			exec(t, db, "DELETE FROM _syncline.owner")
			if err := db.Claim(t.Context(), mine); err != nil {
				t.Fatal(err)
			}
			if c.change != "" {
				exec(t, db, c.change)
			}
			o := mine
			if c.owner != nil {
				o = c.owner(o)
			}
			err := db.Claim(t.Context(), o)
			if !errors.Is(err, c.want) || (err != nil && !strings.Contains(err.Error(), c.words)) {
				t.Fatalf("error %v, want %v with %q", err, c.want, c.words)
			}
			if err := db.Adopt(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			if err := db.Claim(t.Context(), o); err != nil {
				t.Errorf("after a person confirmed: %v", err)
			}
		})
	}
}
