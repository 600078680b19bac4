package manage_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/internal/manage"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/store"
)

func TestSettingsOfAMapping(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	conn := r.connect()
	if err := r.importing(accounts); err != nil {
		t.Fatal(err)
	}
	change := func(ch manage.MappingChange) mapping.Mapping {
		t.Helper()
		m, err := r.service.ChangeMapping(t.Context(), admin(), "", "account", ch)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := change(manage.MappingChange{
		Policy: new(mapping.PostgresWins), PollSeconds: new(7),
		Options: map[string]any{"filter": "Name != 'x'", "policies": map[string]any{"Name": "salesforce"}, "priority": "3"},
	})
	want := mapping.Options{Filter: "Name != 'x'", Priority: 3, Policies: map[string]mapping.Policy{"Name": mapping.SalesforceWins}}
	if diff := cmp.Diff(want, m.Options); diff != "" || m.Policy != mapping.PostgresWins || m.PollSeconds != 7 || m.Revision != 2 {
		t.Errorf("%+v %s", m, diff)
	}
	if m = change(manage.MappingChange{Options: map[string]any{"priority": 3}}); m.Revision != 2 {
		t.Errorf("a change that changes nothing made revision %d", m.Revision)
	}
	if m = change(manage.MappingChange{Options: map[string]any{"filter": nil, "policies": map[string]any{"NAME": nil}}}); m.Options.Filter != "" || len(m.Options.Policies) != 0 {
		t.Errorf("taken back: %+v", m.Options)
	}
	writes := func() bool {
		return strings.Contains(r.text(`SELECT string_agg(pg_get_functiondef(oid), '') FROM pg_proc WHERE proname LIKE '%account%'`), "READONLY")
	}
	before := writes()
	if m = change(manage.MappingChange{Access: new(mapping.ReadOnly)}); m.Access != mapping.ReadOnly || writes() == before {
		t.Errorf("read-only: %s; the trigger marks entries READONLY: %v, then %v", m.Access, before, writes())
	}
	trail, err := r.service.AuditTrail(t.Context(), admin(), conn.ResourceName, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	got := [][2]string{}
	for _, e := range trail[:3] {
		got = append(got, [2]string{e.Action, string(e.After)})
	}
	for i, part := range []string{`"access":"read_only"`, `"options":{"priority":3}`, `"filter":"Name != 'x'"`} {
		if compact := strings.ReplaceAll(strings.ReplaceAll(got[i][1], `": `, `":`), `, "`, `,"`); got[i][0] != "mapping.update" || !strings.Contains(compact, part) {
			t.Errorf("audit entry %d: %q, want %s", i, got[i], part)
		}
	}
}

func TestSettingsThatAMappingCantHave(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.connect()
	if err := r.importing(accounts); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		ch   manage.MappingChange
		want string
	}{
		{manage.MappingChange{Access: new(mapping.Access("rw"))}, `access: "rw" is no access`},
		{manage.MappingChange{Policy: new(mapping.Policy("mine")), PollSeconds: new(0)}, "sf_polling_seconds: a whole number from 1 to 86400 is wanted, not 0"},
		{manage.MappingChange{Options: map[string]any{"fliter": "x"}}, "options.fliter: there is no such option"},
		{manage.MappingChange{Options: map[string]any{"filter": "Name = 'x' LIMIT 1"}}, "options.filter: no SOQL condition: at LIMIT"},
		{manage.MappingChange{Options: map[string]any{"filter": "Nome = 'x'"}}, "The org does not take the filter"},
		{manage.MappingChange{Options: map[string]any{"filter": "Name = 5"}}, "The org does not take the filter"},
		{manage.MappingChange{Options: map[string]any{"policies": map[string]any{"Phone": "postgres"}}}, "options.policies.Phone: the field is not among"},
		{manage.MappingChange{Options: map[string]any{"resolve_from": map[string]any{"Name": "own"}}}, "it is not a lookup"},
		{manage.MappingChange{Options: map[string]any{"exact_numbers": true}}, "options.exact_numbers: the type of columns is set when the table is made"},
		{manage.MappingChange{Options: map[string]any{"pause_reads": true}}, "a pause is no part of the configuration"},
	}
	for _, tt := range tests {
		if _, err := r.service.ChangeMapping(t.Context(), admin(), "", "Account", tt.ch); kindOf(err) != manage.Invalid || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %s", tt.ch, err, tt.want)
		}
	}
	if m, err := r.service.Mapping(t.Context(), admin(), "", "Account"); err != nil || m.Revision != 1 {
		t.Errorf("after that: %+v, %v", m, err)
	}
}

func TestSettingsOfAConnection(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.connect()
	c, err := r.service.ChangeConnection(t.Context(), admin(), "", manage.ConnectionChange{
		Algorithm: new(mapping.Merged), Options: map[string]any{"parallel_writes": 3, "creates": "job"},
	})
	if err != nil || c.Algorithm != mapping.Merged || c.Options != (mapping.ConnectionOptions{ParallelWrites: 3, Creates: mapping.CreatesByJob}) {
		t.Fatalf("%+v, %v", c, err)
	}
	again, err := r.service.ChangeConnection(t.Context(), admin(), "", manage.ConnectionChange{Options: map[string]any{"creates": "job"}})
	if err != nil || !again.UpdatedAt.Equal(c.UpdatedAt) {
		t.Errorf("a change that changes nothing: %v, %v", again.UpdatedAt, err)
	}
	for want, ch := range map[string]manage.ConnectionChange{
		`algorithm: "fast" is no write algorithm`:                       {Algorithm: new(mapping.Algorithm("fast"))},
		"options.brake_percent: a whole number from 0 to 100":           {Options: map[string]any{"brake_percent": 101}},
		"options.speed: there is no such option; there are brake":       {Options: map[string]any{"speed": 1}},
		"options.ping_every: true or false is wanted, not the number 1": {Options: map[string]any{"ping_every": 1.0}},
	} {
		if _, err := r.service.ChangeConnection(t.Context(), admin(), "", ch); kindOf(err) != manage.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", ch, err, want)
		}
	}
	if _, err := r.service.ChangeConnection(t.Context(), as(store.Operator, c.ID), "", manage.ConnectionChange{}); kindOf(err) != manage.Refused {
		t.Errorf("an operator: %v", err)
	}
	if err := r.importing(accounts); err != nil {
		t.Fatal(err)
	}
	notify := func() string {
		return r.text(`SELECT string_agg(pg_get_functiondef(p.oid), '' ORDER BY proname) FROM pg_proc p
			JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'salesforce' AND prosrc LIKE '%pg_notify%'`)
	}
	before := notify()
	if _, err := r.service.ChangeConnection(t.Context(), admin(), "", manage.ConnectionChange{Options: map[string]any{"ping_every": true}}); err != nil || notify() == before {
		t.Errorf("the function that notifies stays as it was: %v", err)
	}
	trail, err := r.service.AuditTrail(t.Context(), admin(), "", 1000000, 10)
	trail = slices.DeleteFunc(trail, func(e store.AuditEntry) bool { return !strings.Contains(string(e.After), "merged") })
	if err != nil || trail[0].Action != "connection.update" || !strings.Contains(string(trail[0].Before), "dependency") || !strings.Contains(string(trail[0].After), "merged") {
		t.Errorf("audit trail: %+v, %v", trail, err)
	}
}

func TestPausesByDirection(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.connect()
	if err := r.importing(accounts); err != nil {
		t.Fatal(err)
	}
	pauses := func(object string) [3]bool {
		t.Helper()
		c, err := r.service.Find(t.Context(), admin(), "")
		if err != nil {
			t.Fatal(err)
		}
		if object == "" {
			return [3]bool{c.Status.Paused, c.Options.PauseReads, c.Options.PauseWrites}
		}
		m, err := r.service.Mapping(t.Context(), admin(), "", object)
		if err != nil {
			t.Fatal(err)
		}
		return [3]bool{m.Status.Paused, m.Options.PauseReads, m.Options.PauseWrites}
	}
	steps := []struct {
		way    manage.Direction
		paused bool
		want   [3]bool
	}{
		{manage.Reads, true, [3]bool{false, true, false}},
		{manage.Reads, true, [3]bool{false, true, false}},
		{manage.Writes, true, [3]bool{false, true, true}},
		{manage.Reads, false, [3]bool{false, false, true}},
		{manage.BothWays, true, [3]bool{true, false, true}},
		{manage.Writes, false, [3]bool{true, false, false}},
		{manage.Reads, true, [3]bool{true, true, false}},
		{manage.BothWays, false, [3]bool{}},
	}
	for _, object := range []string{"", "Account"} {
		for i, step := range steps {
			if err := r.service.SetPausedWay(t.Context(), admin(), "", object, step.way, step.paused); err != nil {
				t.Fatal(err)
			}
			if got := pauses(object); got != step.want {
				t.Errorf("%q, step %d: %v, want %v", object, i, got, step.want)
			}
		}
		if err := r.service.SetPausedWay(t.Context(), admin(), "", object, manage.Reads, true); err != nil {
			t.Fatal(err)
		}
		if err := r.service.PollNow(t.Context(), admin(), "", object); kindOf(err) != manage.Conflict || !strings.Contains(err.Error(), "paused") {
			t.Errorf("poll of %q while reads are paused: %v", object, err)
		}
		if err := r.service.SetPausedWay(t.Context(), admin(), "", object, manage.BothWays, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.service.SetPausedWay(t.Context(), admin(), "", "", "up", true); kindOf(err) != manage.Invalid {
		t.Errorf("another direction: %v", err)
	}
	if m, err := r.service.Mapping(t.Context(), admin(), "", "Account"); err != nil || m.Revision != 1 {
		t.Errorf("a pause made revision %d, %v", m.Revision, err)
	}
}
