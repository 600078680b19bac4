package verify_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/verify"
	"github.com/synclinehq/syncline/sandbox/judge"
)

// wrong is what was spoiled, by sfid or, for rows without one, by id.
type wrong struct {
	Missing, Extra, NoID []string
	Fields               map[string][]string
}

func (w *wrong) sort() {
	for _, list := range []*[]string{&w.Missing, &w.Extra, &w.NoID} {
		slices.Sort(*list)
	}
	for id := range w.Fields {
		slices.Sort(w.Fields[id])
	}
}

// spoil changes rows and records behind everybody's back, each at most once.
func (s *site) spoil(r *rand.Rand, ids []string, n int) wrong {
	s.Helper()
	want := wrong{Fields: map[string][]string{}}
	perm := r.Perm(len(ids))
	for i := range n {
		id := ids[perm[i]]
		switch r.IntN(6) {
		case 0:
			s.ours(fmt.Sprintf(`DELETE FROM salesforce.account WHERE sfid = '%s'`, id))
			want.Missing = append(want.Missing, id)
		case 1:
			s.ours(fmt.Sprintf(`UPDATE salesforce.account SET name = 'spoiled %d' WHERE sfid = '%s'`, i, id))
			want.Fields[id] = []string{"Name"}
		case 2:
			s.ours(fmt.Sprintf(`UPDATE salesforce.account SET phone = 'spoiled', annualrevenue = -1, systemmodstamp = systemmodstamp - interval '1 day' WHERE sfid = '%s'`, id))
			want.Fields[id] = []string{"Phone", "AnnualRevenue", "SystemModstamp"}
		case 3:
			s.Update("Account", id, "Phone", fmt.Sprint("changed ", i))
			want.Fields[id] = []string{"Phone", "SystemModstamp"}
		case 4:
			s.Delete("Account", id)
			want.Extra = append(want.Extra, id)
		default:
			s.ours(`INSERT INTO salesforce.account (name) VALUES ('never sent')`)
			want.NoID = append(want.NoID, s.One(`SELECT max(id) FROM salesforce.account`))
		}
	}
	want.sort()
	return want
}

func (s *site) secondJudge() wrong {
	s.Helper()
	r, err := judge.Judge(s.Context(), judge.Input{
		Database: s.DSN(), Schema: "salesforce", Dump: judge.Control{URL: s.Sandbox.URL()}.Dump,
		Config: strings.NewReader(`{"version":1,"mappings":[{"object_name":"Account","config":{"upsert_field":"External_ID__c",
			"fields":{"Id":{},"IsDeleted":{},"SystemModstamp":{},"CreatedDate":{},"Name":{},"Phone":{},"AnnualRevenue":{},"External_ID__c":{}}}}]}`),
	})
	if err != nil {
		s.Fatal(err)
	}
	m := r.Mappings[0]
	got := wrong{Fields: map[string][]string{}}
	for _, f := range m.Missing.Samples {
		got.Missing = append(got.Missing, f.ID)
	}
	for _, f := range m.Extra.Samples {
		got.Extra = append(got.Extra, f.ID)
	}
	for _, f := range m.NoID.Samples {
		got.NoID = append(got.NoID, fmt.Sprint(f.Row))
	}
	for _, f := range m.Fields.Samples {
		got.Fields[f.ID] = append(got.Fields[f.ID], f.Field)
	}
	got.sort()
	return got
}

func (s *site) firstJudge(o verify.Options) wrong {
	s.Helper()
	o.Confirm, o.SampleLimit = time.Millisecond, 1000
	r, err := verify.Run(s.Context(), s.bulkConfig(), s.tables, o)
	if err != nil {
		s.Fatal(err)
	}
	got := wrong{Fields: map[string][]string{}}
	for _, x := range r.Mappings[0].Samples {
		switch x.Kind {
		case verify.MissingInPostgres:
			got.Missing = append(got.Missing, x.Sfid)
		case verify.MissingInSalesforce:
			got.Extra = append(got.Extra, x.Sfid)
		case verify.NeverSent:
			got.NoID = append(got.NoID, fmt.Sprint(x.ID))
		case verify.Different:
			for _, f := range x.Fields {
				got.Fields[x.Sfid] = append(got.Fields[x.Sfid], f.Field)
			}
		case verify.Duplicate:
			s.Errorf("duplicate %+v", x)
		}
	}
	got.sort()
	return got
}

// Whatever is spoiled on either side, both judges find it, with its Ids and
// columns, and nothing else: by queries and through Bulk.
func TestBothJudgesFindWhatWasSpoiled(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 400)
			s.tables = s.tables[:1]
			s.Sandbox.Org.Clock.Step(time.Hour)
			want := s.spoil(rand.New(rand.NewPCG(seed, 1)), s.ids("account", 400), 15) //nolint:gosec // a test's luck is repeated
			for name, o := range map[string]verify.Options{"by queries": {}, "through Bulk": {BulkFrom: 100}} {
				if diff := cmp.Diff(want, s.firstJudge(o)); diff != "" {
					t.Errorf("verify %s (-want +got):\n%s", name, diff)
				}
			}
			second := s.secondJudge()
			for id, fields := range second.Fields { // it names the first that differs
				if slices.Contains(want.Fields[id], fields[0]) {
					second.Fields[id] = want.Fields[id]
				}
			}
			if diff := cmp.Diff(want, second); diff != "" {
				t.Errorf("the second judge (-want +got):\n%s", diff)
			}
		})
	}
}
