package mapping

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The file's shape. Members stand in alphabetical order, as the keys of every
// map do, so that two exports differ only where the configurations do.
type (
	exportFile struct {
		Connection exportConnection `json:"connection"`
		Mappings   []exportMapping  `json:"mappings"`
		Version    int              `json:"version"`
	}
	exportConnection struct {
		APIVersion     string          `json:"api_version"`
		AppName        string          `json:"app_name"`
		ExportedAt     string          `json:"exported_at"`
		Features       map[string]bool `json:"features"`
		Logplex        bool            `json:"logplex_log_enabled"`
		Name           string          `json:"name"`
		OrganizationID string          `json:"organization_id"`
		Syncline       *exportSyncline `json:"syncline,omitempty"`
	}
	exportSyncline struct {
		Algorithm Algorithm                 `json:"algorithm,omitempty"`
		Mappings  map[string]map[string]any `json:"mappings,omitempty"`
		Options   map[string]any            `json:"options,omitempty"`
		Policies  map[string]Policy         `json:"policies,omitempty"`
	}
	exportMapping struct {
		Config     exportConfig `json:"config"`
		ObjectName string       `json:"object_name"`
	}
	exportConfig struct {
		Access        Access              `json:"access"`
		AppliedAt     string              `json:"applied_at,omitempty"`
		Fields        map[string]struct{} `json:"fields"`
		Indexes       map[string]Index    `json:"indexes,omitempty"`
		MaxDailyCalls int                 `json:"sf_max_daily_api_calls"`
		Notify        bool                `json:"sf_notify_enabled"`
		PollSeconds   int                 `json:"sf_polling_seconds"`
		UpsertField   string              `json:"upsert_field,omitempty"`
	}
)

// Export writes a connection's configuration as Heroku Connect does, with its
// keys only. What Heroku has no key for (a write algorithm of our own, a
// conflict policy or option that is not the default) goes to connection.syncline, which
// is there only if need be. Mappings are sorted by object; but for exported_at
// two exports of one configuration are equal byte by byte.
func Export(conn Connection, mappings []Mapping, now time.Time) []byte {
	file := exportFile{Version: 1, Mappings: make([]exportMapping, 0, len(mappings)), Connection: exportConnection{
		APIVersion:     conn.APIVersion,
		AppName:        conn.AppName,
		ExportedAt:     now.UTC().Format("2006-01-02T15:04:05.000000+00:00"),
		Features:       exportFeatures(conn),
		Name:           conn.Name,
		OrganizationID: conn.Org.OrganizationID,
		Syncline:       exportOurs(conn, mappings),
	}}
	for _, m := range mappings {
		file.Mappings = append(file.Mappings, exportMapping{ObjectName: m.ObjectName, Config: exportConfigOf(m)})
	}
	slices.SortStableFunc(file.Mappings, func(a, b exportMapping) int {
		return strings.Compare(strings.ToLower(a.ObjectName), strings.ToLower(b.ObjectName))
	})
	out, err := json.Marshal(file, json.Deterministic(true), jsontext.WithIndent("    "), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		// Strings, numbers and maps of them: there is nothing to fail at.
		panic("mapping: export configuration: " + err.Error())
	}
	return append(out, '\n')
}

func exportConfigOf(m Mapping) exportConfig {
	c := exportConfig{
		Access:        m.Access,
		Fields:        make(map[string]struct{}, len(m.Fields)),
		Indexes:       m.Indexes,
		MaxDailyCalls: m.MaxDailyCalls,
		Notify:        m.Notify,
		PollSeconds:   m.PollSeconds,
		UpsertField:   m.UpsertField,
	}
	for _, name := range m.Fields {
		c.Fields[name] = struct{}{}
	}
	if !m.AppliedAt.IsZero() {
		c.AppliedAt = m.AppliedAt.UTC().Format("2006-01-02T15:04:05.000000Z")
	}
	return c
}

// exportFeatures are those that every export since 2018 lists, and what else
// the connection keeps.
func exportFeatures(conn Connection) map[string]bool {
	out := map[string]bool{
		"disable_bulk_writes": false,
		"poll_external_ids":   false,
		"rest_count_only":     false,
	}
	maps.Copy(out, conn.Features)
	out[featureOrdered] = conn.Algorithm != Merged
	return out
}

// exportOurs is nil if everything of ours is at its default.
func exportOurs(conn Connection, mappings []Mapping) *exportSyncline {
	ours := &exportSyncline{
		Mappings: map[string]map[string]any{}, Options: conn.Options.Tree(), Policies: make(map[string]Policy),
	}
	if conn.Algorithm == Dependency {
		ours.Algorithm = Dependency
	}
	for _, m := range mappings {
		if m.Policy != "" && m.Policy != LastWriter {
			ours.Policies[m.ObjectName] = m.Policy
		}
		if tree := m.Options.Tree(); len(tree) > 0 {
			ours.Mappings[m.ObjectName] = tree
		}
	}
	if ours.Algorithm == "" && len(ours.Policies) == 0 && len(ours.Options) == 0 && len(ours.Mappings) == 0 {
		return nil
	}
	return ours
}
