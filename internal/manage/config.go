package manage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/crash"
	"github.com/synclinehq/syncline/internal/engine"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/sobject"
	"github.com/synclinehq/syncline/internal/store"
)

// ExportConfig returns the connection's configuration file.
func (s *Service) ExportConfig(ctx context.Context, c Caller, ref string) ([]byte, error) {
	conn, err := s.on(ctx, c, access.View, ref)
	if err != nil {
		return nil, err
	}
	mappings, err := s.store.Mappings(ctx, conn.ID)
	if err != nil {
		return nil, fmt.Errorf("list mappings: %w", err)
	}
	return mapping.Export(conn, mappings, s.cfg.Clock.Now()), nil
}

// Change is what an import does with one mapping.
type Change string

// The changes.
const (
	Created   Change = "created"
	Updated   Change = "updated"
	Unchanged Change = "unchanged"
)

// ImportResult says what an import did, or with dryRun would do.
type ImportResult struct {
	Mappings []ImportedMapping
	// Statements are those run in the database.
	Statements []schema.Statement
	// Ignored are the file's keys that mean nothing here; NotApplied those
	// settings of the connection that only apply to one without mappings.
	Ignored, NotApplied []string
}

// ImportedMapping is one mapping of the file.
type ImportedMapping struct {
	Object string
	Change Change
}

// ImportConfig makes the connection's mappings as a configuration file has
// them. It is additive: mappings that the file lacks stay. What is wrong is
// told all at once, and then nothing has been changed; importing a file twice
// changes nothing the second time. Tables are changed in one transaction. The
// loads begin afterwards, by the engine.
func (s *Service) ImportConfig(ctx context.Context, c Caller, ref string, file io.Reader, dryRun bool) (*ImportResult, error) {
	conn, err := s.on(ctx, c, access.Administer, ref)
	if err != nil {
		return nil, err
	}
	parsed, err := mapping.ParseConfig(file)
	if err != nil {
		return nil, problem("read the configuration file", err)
	}
	im := &importing{s: s, caller: c, conn: conn, file: parsed, result: &ImportResult{Ignored: parsed.Ignored}}
	if err := im.planSettings(ctx); err != nil {
		return nil, err
	}
	var done func()
	if im.session, done, err = s.session(ctx, im.conn); err != nil {
		return nil, err
	}
	defer done()
	if err := im.plan(ctx); err != nil {
		return nil, problem("plan the import", err)
	}
	crash.Point(crash.ImportAfterPlan)
	if dryRun {
		return im.result, problem("compare the schema", im.compare(ctx))
	}
	return im.result, im.apply(ctx)
}

// importing is one import under way.
type importing struct {
	s      *Service
	caller Caller
	// conn has the file's settings already, where they apply.
	conn    mapping.Connection
	file    *mapping.File
	session *engine.Session

	existing []mapping.Mapping
	wanted   []wanted
	settings bool // the file's settings of the connection apply
	result   *ImportResult
}

// wanted is a mapping as it shall be.
type wanted struct {
	mapping mapping.Mapping
	table   *mapping.Table
	change  Change
	// reload: columns were added to a table that is filled already.
	reload bool
}

// plan compares file, store and org; it changes nothing.
func (im *importing) plan(ctx context.Context) error {
	var faults mapping.ConfigErrors
	for _, m := range im.file.Mappings(im.conn.ID) {
		w, err := im.want(ctx, m)
		if found, ok := errors.AsType[mapping.ConfigErrors](err); ok {
			faults = append(faults, found...)
			continue
		}
		if err != nil {
			return err
		}
		im.wanted = append(im.wanted, w)
		im.result.Mappings = append(im.result.Mappings, ImportedMapping{w.mapping.ObjectName, w.change})
	}
	if len(faults) > 0 {
		return faults
	}
	return mapping.CheckDuplicates(im.all())
}

// planSettings decides whether the file's settings of the connection apply: to
// one without mappings only, since files that are years old are imported again.
func (im *importing) planSettings(ctx context.Context) error {
	var err error
	if im.existing, err = im.s.store.Mappings(ctx, im.conn.ID); err != nil {
		return fmt.Errorf("list mappings: %w", err)
	}
	f := im.file.Connection
	if !f.Present {
		return nil
	}
	im.settings = len(im.existing) == 0
	if err := im.planVersion(ctx, f.APIVersion); err != nil {
		return err
	}
	switch {
	case im.settings:
		im.conn.Algorithm = f.Algorithm
		if f.Ours {
			paused := im.conn.Options
			im.conn.Options = f.Options
			im.conn.Options.PauseReads, im.conn.Options.PauseWrites = paused.PauseReads, paused.PauseWrites
		}
		if f.Features != nil {
			im.conn.Features = f.Features
		}
	case f.Features != nil && !maps.Equal(f.Features, im.conn.Features):
		im.result.NotApplied = append(im.result.NotApplied, "connection.features")
	}
	if f.Ours && !im.settings && !reflect.DeepEqual(f.Options.Tree(), im.conn.Options.Tree()) {
		im.result.NotApplied = append(im.result.NotApplied, "connection.syncline.options")
	}
	return nil
}

// planVersion takes the file's API version if the org offers it. One that is
// older than all that the org offers is not applied: the file is.
func (im *importing) planVersion(ctx context.Context, version string) error {
	if version == "" || version == im.conn.APIVersion {
		return nil
	}
	if !im.settings {
		im.result.NotApplied = append(im.result.NotApplied, "connection.api_version")
		return nil
	}
	session, done, err := im.s.session(ctx, im.conn)
	if err != nil {
		return err
	}
	defer done()
	all, err := versionsOf(ctx, session.Org)
	switch {
	case err != nil:
		return err
	case slices.Contains(all, version):
		im.conn.APIVersion = version
	case versionNumber(version) < versionNumber(all[0]):
		im.result.NotApplied = append(im.result.NotApplied, "connection.api_version")
	default:
		return notOffered(version, all, "connection.api_version")
	}
	return nil
}

// want joins a mapping of the file with what is stored and with its describe.
func (im *importing) want(ctx context.Context, m mapping.Mapping) (wanted, error) {
	w := wanted{mapping: m, change: Created}
	w.mapping.ID = uuid.New()
	for _, old := range im.existing {
		if strings.EqualFold(old.ObjectName, m.ObjectName) {
			w = im.merge(old, m)
		}
	}
	var err error
	w.table, err = mapping.Resolve(w.mapping, im.describe(ctx))
	if err != nil {
		return w, fmt.Errorf("resolve %s: %w", m.ObjectName, err)
	}
	if w.change == Created || w.mapping.Options.Filter != im.old(w.mapping.ID).Options.Filter {
		if err := tryFilter(ctx, im.session, w.table); err != nil {
			return w, err
		}
	}
	// From here on the name has Salesforce's case.
	w.mapping.ObjectName = w.table.Object
	w.table.Mapping.ObjectName = w.table.Object
	return w, nil
}

// merge puts the file's settings on a stored mapping. As with PATCH, fields of
// the stored one that the file lacks are not kept: the list is one setting.
// A file without a part of ours, as Heroku Connect exports it, says nothing of
// conflict policies and options: those stay.
func (im *importing) merge(old, m mapping.Mapping) wanted {
	next := old
	next.Access, next.Fields, next.Indexes, next.UpsertField = m.Access, m.Fields, m.Indexes, m.UpsertField
	next.PollSeconds, next.Notify, next.MaxDailyCalls = m.PollSeconds, m.Notify, m.MaxDailyCalls
	if im.file.Connection.Ours {
		next.Policy, next.Options = m.Policy, m.Options
		next.Options.PauseReads, next.Options.PauseWrites = old.Options.PauseReads, old.Options.PauseWrites
	}
	w := wanted{mapping: next, change: Updated}
	if sameConfig(old, next) {
		w.change = Unchanged
	}
	for _, field := range next.Fields {
		if !slices.Contains(old.Fields, field) {
			w.reload = true
		}
	}
	return w
}

func sameConfig(a, b mapping.Mapping) bool {
	policy := func(p mapping.Policy) mapping.Policy {
		return mapping.Policy(orElse(string(p), string(mapping.LastWriter)))
	}
	return a.Access == b.Access && slices.Equal(a.Fields, b.Fields) && maps.Equal(a.Indexes, b.Indexes) &&
		a.UpsertField == b.UpsertField && a.PollSeconds == b.PollSeconds && a.Notify == b.Notify &&
		a.MaxDailyCalls == b.MaxDailyCalls && policy(a.Policy) == policy(b.Policy) && a.Options.Same(b.Options)
}

// describe asks the org anew once per object: what a person has just put right
// there shall count.
func (im *importing) describe(ctx context.Context) mapping.Describe {
	ctx = salesforce.WithUse(ctx, "", "import")
	seen := map[string]bool{}
	return func(object string) (*sobject.Object, error) {
		name := strings.ToLower(object)
		fresh := !seen[name]
		seen[name] = true
		return im.session.Describe(ctx, object, fresh)
	}
}

// all are the connection's mappings as they will be.
func (im *importing) all() []mapping.Mapping {
	var out []mapping.Mapping
	for _, old := range im.existing {
		if im.file.Entry(old.ObjectName) == nil {
			out = append(out, old)
		}
	}
	for _, w := range im.wanted {
		out = append(out, w.mapping)
	}
	return out
}

func (im *importing) tables() []*mapping.Table {
	out := make([]*mapping.Table, len(im.wanted))
	for i, w := range im.wanted {
		out[i] = w.table
	}
	return out
}

// compare plans the change of the schema.
func (im *importing) compare(ctx context.Context) error {
	change, err := schema.Plan(ctx, im.session.DB.Pool(), im.conn, im.tables())
	if err != nil {
		return err
	}
	im.result.Statements = change.Statements
	return nil
}

// apply changes the tables, then stores the mappings. A kill in between leaves
// tables without mappings, which the next import takes up.
func (im *importing) apply(ctx context.Context) error {
	job, err := im.s.store.CreateImport(ctx, im.conn.ID)
	if err != nil {
		return fmt.Errorf("begin import: %w", err)
	}
	err = im.run(ctx)
	status, cause := store.ImportDone, ""
	if err != nil {
		err = problem("import the configuration", err)
		status, cause = store.ImportFailed, err.Error()
	}
	late := context.WithoutCancel(ctx)
	if noted := im.s.store.SetImport(late, job.ID, status, cause); noted != nil {
		im.s.log.WarnContext(ctx, "end of import not stored", "connection", im.conn.ID, "error", noted)
	}
	if err == nil {
		im.s.event(late, store.Event{Connection: im.conn.ID, Event: "IMPORT CONFIGURATION", Fields: map[string]any{"mappings": len(im.wanted)}})
		im.s.changed(late, im.conn.ID)
	}
	return err
}

func (im *importing) run(ctx context.Context) error {
	change, err := schema.Apply(ctx, im.session.DB, im.conn, im.tables())
	if err != nil {
		return err
	}
	im.result.Statements = change.Statements
	return im.s.store.InTx(ctx, func(tx *store.Tx) error {
		if err := im.storeSettings(ctx, tx); err != nil {
			return err
		}
		for _, w := range im.wanted {
			if err := im.storeMapping(ctx, tx, w); err != nil {
				return fmt.Errorf("store mapping of %s: %w", w.mapping.ObjectName, err)
			}
		}
		return nil
	})
}

// storeSettings takes over the file's settings of the connection.
func (im *importing) storeSettings(ctx context.Context, tx *store.Tx) error {
	if !im.settings {
		return nil
	}
	settings := func(c mapping.Connection) map[string]any {
		return map[string]any{
			"features": c.Features, "algorithm": c.Algorithm, "api_version": c.APIVersion, "options": c.Options.Tree(),
		}
	}
	var before map[string]any
	_, err := tx.UpdateConnection(ctx, im.conn.ID, func(x *mapping.Connection) error {
		if before = settings(*x); reflect.DeepEqual(before, settings(im.conn)) {
			return errUnchanged
		}
		paused := x.Options
		x.Features, x.Algorithm, x.APIVersion, x.Options = im.conn.Features, im.conn.Algorithm, im.conn.APIVersion, im.conn.Options
		x.Options.PauseReads, x.Options.PauseWrites = paused.PauseReads, paused.PauseWrites
		return nil
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store settings: %w", err)
	}
	return audit(ctx, tx, im.caller, "connection.update", im.conn.ResourceName, im.conn.ID, before, settings(im.conn))
}

func (im *importing) storeMapping(ctx context.Context, tx *store.Tx, w wanted) error {
	switch w.change {
	case Unchanged:
		return nil
	case Created:
		w.mapping.Status.Stage = mapping.StageCreated
		kept, err := tx.CreateMapping(ctx, w.mapping)
		if err != nil {
			return err
		}
		if err := noteApplied(ctx, tx, kept, w.table); err != nil {
			return err
		}
		return audit(ctx, tx, im.caller, "mapping.create", kept.ObjectName, im.conn.ID, nil, auditMapping(kept))
	case Updated:
	}
	before := auditMapping(im.old(w.mapping.ID))
	kept, err := tx.UpdateMapping(ctx, w.mapping.ID, func(x *mapping.Mapping) error {
		now := *x
		*x = w.mapping
		x.Status, x.Options.PauseReads, x.Options.PauseWrites = now.Status, now.Options.PauseReads, now.Options.PauseWrites
		if w.reload {
			x.Status.Stage = mapping.StageCreated
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := noteApplied(ctx, tx, kept, w.table); err != nil {
		return err
	}
	return audit(ctx, tx, im.caller, "mapping.update", kept.ObjectName, im.conn.ID, before, auditMapping(kept))
}

func (im *importing) old(id uuid.UUID) mapping.Mapping {
	for _, m := range im.existing {
		if m.ID == id {
			return m
		}
	}
	return mapping.Mapping{}
}

// noteApplied notes that the table stands, and from which describe it was made.
func noteApplied(ctx context.Context, tx *store.Tx, m mapping.Mapping, t *mapping.Table) error {
	snapshot, err := json.Marshal(t.Describe)
	if err != nil {
		return fmt.Errorf("keep describe: %w", err)
	}
	return tx.SetApplied(ctx, m.ID, m.Revision, snapshot)
}

func auditMapping(m mapping.Mapping) map[string]any {
	return map[string]any{
		"access": m.Access, "fields": m.Fields, "indexes": m.Indexes, "upsert_field": m.UpsertField,
		"poll_seconds": m.PollSeconds, "notify": m.Notify, "max_daily_calls": m.MaxDailyCalls, "policy": m.Policy,
		"options": m.Options.Tree(),
	}
}
