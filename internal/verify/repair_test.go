package verify_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/verify"
)

// What is repaired by itself follows the policies of the fields that differ.
func TestWhatIsRepairedByItself(t *testing.T) {
	t.Parallel()
	s := newSite(t, 0)
	diff := func(kind verify.Kind, columns ...string) verify.Drift {
		return verify.Drift{Sfid: "1", Kind: kind, Columns: columns, Cause: verify.Unknown}
	}
	phone := map[string]mapping.Policy{"phone": mapping.SalesforceWins}
	name := map[string]mapping.Policy{"Name": mapping.PostgresWins}
	for _, test := range []struct {
		what     string
		access   mapping.Access
		policy   mapping.Policy
		policies map[string]mapping.Policy
		drift    verify.Drift
		want     bool
	}{
		{"a read-only mapping", mapping.ReadOnly, "", nil, diff(verify.Different, "name"), true},
		{"no policy", mapping.ReadWrite, "", nil, diff(verify.Different, "name"), false},
		{"the mapping's", mapping.ReadWrite, mapping.SalesforceWins, nil, diff(verify.Different, "name"), true},
		{"the mapping's, no row", mapping.ReadWrite, mapping.SalesforceWins, nil, diff(verify.MissingInPostgres), true},
		{"the field's", mapping.ReadWrite, mapping.PostgresWins, phone, diff(verify.Different, "phone"), true},
		{"one field's of two", mapping.ReadWrite, mapping.PostgresWins, phone, diff(verify.Different, "name", "phone"), false},
		{"the field's, no row", mapping.ReadWrite, mapping.PostgresWins, phone, diff(verify.MissingInPostgres), false},
		{"the mapping's, but the field's", mapping.ReadWrite, mapping.SalesforceWins, name, diff(verify.Different, "name"), false},
	} {
		table := *s.tables[0]
		table.Access, table.Mapping.Access, table.Mapping.Policy, table.Mapping.Options.Policies = test.access, test.access, test.policy, test.policies
		var want []string
		if test.want {
			want = []string{"1"}
		}
		if diff := cmp.Diff(want, verify.Repairable(&table, []verify.Drift{test.drift})); diff != "" {
			t.Errorf("%s: %s", test.what, diff)
		}
	}
}
