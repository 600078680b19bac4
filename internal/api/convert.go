package api

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/client"
	"github.com/synclinehq/syncline/internal/manage"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/triggerlog"
	"github.com/synclinehq/syncline/internal/verify"
)

// each converts a list; the outcome is never nil, so that JSON has [].
func each[A, B any](in []A, fn func(A) B) []B {
	out := make([]B, len(in))
	for i, a := range in {
		out[i] = fn(a)
	}
	return out
}

func same[T any](v T) T { return v }

func idText(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func connection(c mapping.Connection) client.Connection {
	return client.Connection{
		ID: c.ID.String(), Name: c.Name, AppName: c.AppName, ResourceName: c.ResourceName, Schema: c.Schema, DBKey: c.DBKey,
		LoginURL: c.Org.LoginURL, InstanceURL: c.Org.InstanceURL, OrganizationID: c.Org.OrganizationID,
		Username: c.Org.Username, Environment: c.Org.Environment, APIVersion: c.APIVersion, Algorithm: string(c.Algorithm),
		Stage: string(c.Status.Stage), Paused: c.Status.Paused, Condition: string(c.Status.Condition), Cause: c.Status.Cause,
		ReadsPaused: c.Status.Paused || c.Options.PauseReads, WritesPaused: c.Status.Paused || c.Options.PauseWrites, Options: c.Options.Tree(),
		CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
}

func newConnection(n client.NewConnection) manage.NewConnection {
	return manage.NewConnection{
		Name: n.Name, AppName: n.AppName, ResourceName: n.ResourceName,
		DatabaseURL: secret.NewText(n.DatabaseURL), DirectURL: secret.NewText(n.DirectURL), DBKey: n.DBKey, Schema: n.Schema,
		LoginURL: n.LoginURL, Flow: mapping.Flow(n.Flow), ClientID: n.ClientID, ClientSecret: secret.NewText(n.ClientSecret),
		RefreshToken: secret.NewText(n.RefreshToken), APIVersion: n.APIVersion,
	}
}

func mappingOf(m mapping.Mapping) client.Mapping {
	out := client.Mapping{
		ID: m.ID.String(), ObjectName: m.ObjectName, Table: strings.ToLower(m.ObjectName), Access: string(m.Access),
		Fields: each(m.Fields, same), Indexes: map[string]client.Index{}, UpsertField: m.UpsertField,
		PollSeconds: m.PollSeconds, Notify: m.Notify, MaxDailyCalls: m.MaxDailyCalls, Policy: string(m.Policy),
		Revision: m.Revision, Stage: string(m.Status.Stage), Paused: m.Status.Paused,
		ReadsPaused: m.Status.Paused || m.Options.PauseReads, WritesPaused: m.Status.Paused || m.Options.PauseWrites, Options: m.Options.Tree(),
		Condition: string(m.Status.Condition), Cause: m.Status.Cause, CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt,
	}
	for field, index := range m.Indexes {
		out.Indexes[field] = client.Index{Unique: index.Unique}
	}
	return out
}

func state(s mapping.State) client.State {
	return client.State{Value: s.Value, Label: s.Label, Meaning: s.Meaning, Remedy: s.Remedy, Class: string(s.Class)}
}

func queue(q manage.Queue) client.Queue {
	return client.Queue{Unsent: q.Unsent, Pending: q.Pending, Failed: q.Failed, OldestSeconds: q.Oldest.Seconds()}
}

func latency(l manage.Latency) client.Latency {
	return client.Latency{
		Changes: l.Changes, Errors: l.Errors,
		P50: float64(l.P50) / float64(time.Millisecond), P99: float64(l.P99) / float64(time.Millisecond),
	}
}

// lag is a duration in seconds; what is not known is -1.
func lag(d time.Duration) float64 {
	if d < 0 {
		return -1
	}
	return d.Seconds()
}

func status(s *manage.Status) client.Status {
	out := client.Status{
		Connection: connection(s.Connection), State: state(s.State), MappingsSummary: s.Summary,
		Mappings: each(s.Mappings, mappingStatus), Queue: queue(s.Queue),
		LagToPostgres: lag(s.StalenessToPostgres), LagToSalesforce: s.Queue.Oldest.Seconds(),
		ToPostgres: latency(s.ToPostgres), ToSalesforce: latency(s.ToSalesforce), Unseen: s.Unseen,
		Calls: client.Calls{Total: s.Calls.Total, OrgUsed: s.Calls.Org.Used, OrgLimit: s.Calls.Org.Max, ByUse: each(s.Calls.ByUse, useOf)},
	}
	return out
}

func mappingStatus(m manage.MappingStatus) client.MappingStatus {
	var last *client.Proof
	if m.Proof != nil {
		p := proof(m.Mapping.ObjectName, *m.Proof)
		last = &p
	}
	return client.MappingStatus{
		Mapping: mappingOf(m.Mapping), State: state(m.State), RowsPostgres: m.RowsPostgres, RowsSalesforce: m.RowsSalesforce,
		Queue: queue(m.Queue), LoadedRows: m.LoadedRows, LoadTotal: m.LoadTotal, Load: load(m.Load), Staleness: lag(m.Staleness),
		PolledAt: m.PolledAt, WrittenAt: m.WrittenAt, Proof: last,
	}
}

func load(l *manage.Load) *client.Load {
	if l == nil {
		return nil
	}
	return &client.Load{
		Rows: l.Rows, Total: l.Total, Bytes: l.Bytes, RowsPerSecond: l.RowRate, BytesPerSecond: l.ByteRate,
		SecondsLeft: lag(l.Left), StartedAt: l.StartedAt,
	}
}

func imported(r *manage.ImportResult, dryRun bool) client.Import {
	out := client.Import{
		DryRun: dryRun, Ignored: each(r.Ignored, same), NotApplied: each(r.NotApplied, same),
		Mappings: []client.ImportedMapping{}, Statements: []client.Statement{},
	}
	for _, m := range r.Mappings {
		out.Mappings = append(out.Mappings, client.ImportedMapping{ObjectName: m.Object, Change: string(m.Change)})
	}
	for _, s := range r.Statements {
		out.Statements = append(out.Statements, client.Statement{Kind: string(s.Kind), Table: s.Table, SQL: s.SQL, Reason: s.Reason})
	}
	return out
}

func writeError(e triggerlog.Entry) client.WriteError {
	return client.WriteError{
		ID: int64(e.ID), Table: e.Table, RecordID: int64(e.RecordID), SFID: e.Sfid, Action: string(e.Action),
		Message: e.Message, CreatedAt: e.CreatedAt,
	}
}

func event(e store.Event) client.Event {
	return client.Event{
		ID: e.ID, At: e.At, Level: e.Level, Event: e.Event, Mapping: idText(e.Mapping), State: e.State, Fields: e.Fields,
	}
}

func auditEntry(e store.AuditEntry) client.AuditEntry {
	return client.AuditEntry{
		ID: e.ID, At: e.At, Who: e.Who, From: e.From, Action: e.Action, Subject: e.Subject,
		Connection: idText(e.Connection), Before: e.Before, After: e.After,
	}
}

func node(n store.Node) client.Node {
	return client.Node{
		ID: n.ID.String(), Name: n.Name, PID: n.PID, Version: n.Version, StartedAt: n.StartedAt, HeartbeatAt: n.HeartbeatAt,
	}
}

func token(t store.Token) client.Token {
	return client.Token{
		ID: t.ID.String(), Name: t.Name, Role: string(t.Role), Scopes: each(t.Scopes, same), Connection: idText(t.Connection),
		CreatedAt: t.CreatedAt, ExpiresAt: timeOrNil(t.ExpiresAt), LastUsedAt: timeOrNil(t.LastUsedAt),
	}
}

func report(r *verify.Report) client.Report {
	out := client.Report{
		Mappings: []client.MappingReport{}, APICalls: r.Calls, Seconds: r.Took.Seconds(),
		Differences: r.Differences(), Duplicates: r.Duplicates(),
	}
	for i := range r.Mappings {
		m := &r.Mappings[i]
		out.Mappings = append(out.Mappings, client.MappingReport{
			ObjectName: m.Object, Table: m.Table, Proof: string(m.Proof), Days: m.Days, RowsSalesforce: m.RowsSalesforce, RowsPostgres: m.RowsPostgres,
			Equal: m.Equal, Pending: m.Pending, FailedWrites: m.FailedWrites, Duplicates: m.Duplicates,
			MissingInPostgres: m.Differences.MissingInPostgres, MissingInSalesforce: m.Differences.MissingInSalesforce,
			Different: m.Differences.Different, Samples: each(m.Samples, difference),
		})
	}
	return out
}

func difference(d verify.Sample) client.Difference {
	return client.Difference{
		Kind: string(d.Kind), SFID: d.Sfid, ID: int64(d.ID), Cause: string(d.Cause),
		Fields: each(d.Fields, func(f verify.FieldDifference) client.FieldDifference { return client.FieldDifference(f) }),
	}
}
