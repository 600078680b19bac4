package mapping

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// maxConfigBytes bounds a configuration file. A mapping of 800 fields takes
// about 30 kB.
const maxConfigBytes = 16 << 20

// PathError says what is wrong at one place of a configuration file.
type PathError struct {
	// Path leads to the place: "mappings[2].config.access"; "" is the file.
	Path    string
	Problem string
}

// Error reads "mappings[2].config.access: problem".
func (e *PathError) Error() string {
	if e.Path == "" {
		return e.Problem
	}
	return e.Path + ": " + e.Problem
}

// PathErrors is everything that is wrong with a configuration file.
type PathErrors []*PathError

// Error lists all of them, one a line.
func (e PathErrors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find a [*PathError].
func (e PathErrors) Unwrap() []error {
	out := make([]error, len(e))
	for i, one := range e {
		out[i] = one
	}
	return out
}

// ParseConfig reads a configuration file. It takes every export of Heroku
// Connect since 2015, also files that lack connection, features or indexes, or
// give numbers as strings. What is wrong comes back as [PathErrors], all of it
// at once. Whether objects and fields exist is for [Resolve] to say.
func ParseConfig(r io.Reader) (*File, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxConfigBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration file: %w", err)
	}
	if len(data) > maxConfigBytes {
		return nil, PathErrors{{Problem: fmt.Sprintf("the file is larger than %d MB", maxConfigBytes>>20)}}
	}
	var root any
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), &root); err != nil {
		return nil, PathErrors{notJSON(err)}
	}
	w := &walker{}
	f := w.file(value{v: root})
	if len(w.errs) > 0 {
		return nil, w.errs
	}
	slices.Sort(w.ignored)
	f.Ignored = w.ignored
	return f, nil
}

// notJSON words a syntax error for a person who may have picked the wrong file.
func notJSON(err error) *PathError {
	problem := strings.TrimPrefix(err.Error(), "json: ")
	problem = strings.TrimPrefix(problem, "jsontext: ")
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		problem = "it ends too early"
	}
	return &PathError{Problem: "the file is not valid JSON: " + problem}
}

// file reads the top level.
func (w *walker) file(root value) *File {
	top, ok := w.object(root)
	if !ok {
		return nil
	}
	w.version(top.take("version"))
	f := &File{Connection: FileConnection{Algorithm: Ordered}}
	ours := &ownPart{policies: map[string]Policy{}, options: map[string]value{}}
	if v := top.take("connection"); v.v != nil {
		f.Connection = w.connection(v, ours)
	}
	list := top.take("mappings")
	if list.v == nil {
		w.fail(list.path, "the file has no mappings; is it an export of Heroku Connect or Syncline?")
		return nil
	}
	for i, v := range w.array(list) {
		w.entry(f, v.at(fmt.Sprintf("mappings[%d]", i)))
	}
	w.rest(top)
	w.applyPolicies(f, ours.policies)
	w.applyOptions(f, ours.options)
	return f
}

func (w *walker) version(v value) {
	if v.v == nil {
		return
	}
	if n, ok := w.integer(v, 1, 0, 1<<31); ok && n != 1 {
		w.fail(v.path, fmt.Sprintf("version %d is not known; this server reads version 1", n))
	}
}

func (w *walker) connection(v value, ours *ownPart) FileConnection {
	c := FileConnection{Present: true, Algorithm: Ordered}
	o, ok := w.object(v)
	if !ok {
		return c
	}
	c.AppName = w.text(o.take("app_name"))
	c.Name = w.text(o.take("name"))
	c.OrganizationID = w.text(o.take("organization_id"))
	c.APIVersion = w.apiVersion(o.take("api_version"))
	c.ExportedAt = w.time(o.take("exported_at"))
	c.LogplexEnabled = w.boolean(o.take("logplex_log_enabled"), false)
	c.Features = w.features(o.take("features"))
	if ordered, told := c.Features[featureOrdered]; told && !ordered {
		c.Algorithm = Merged
	}
	if v := o.take("syncline"); v.v != nil {
		w.syncline(v, &c, ours)
	}
	w.rest(o)
	return c
}

// ownPart is what connection.syncline says of mappings, which are read later;
// keys are object names in lower case.
type ownPart struct {
	policies map[string]Policy
	options  map[string]value
}

// syncline reads what Heroku's export has no place for.
func (w *walker) syncline(v value, c *FileConnection, ours *ownPart) {
	o, ok := w.object(v)
	if !ok {
		return
	}
	c.Ours = true
	if v := o.take("algorithm"); v.v != nil {
		switch a := Algorithm(w.text(v)); a {
		case Ordered, Merged, Dependency:
			c.Algorithm = a
		default:
			w.fail(v.path, fmt.Sprintf("%q is no write algorithm; use ordered, merged or dependency", a))
		}
	}
	if v := o.take("policies"); v.v != nil {
		if list, ok := w.object(v); ok {
			for _, name := range list.names() {
				ours.policies[strings.ToLower(name)] = w.policy(list.take(name))
			}
		}
	}
	if v := o.take("options"); v.v != nil {
		if options, ok := w.object(v); ok {
			c.Options = readOptions[ConnectionOptions](w, options)
			w.optionFaults(v.path, c.Options.Check())
		}
	}
	if v := o.take("mappings"); v.v != nil {
		if list, ok := w.object(v); ok {
			for _, name := range list.names() {
				ours.options[strings.ToLower(name)] = list.take(name)
			}
		}
	}
	w.rest(o)
}

func (w *walker) policy(v value) Policy {
	switch p := Policy(w.text(v)); p {
	case LastWriter, SalesforceWins, PostgresWins:
		return p
	default:
		w.fail(v.path, fmt.Sprintf("%q is no conflict policy; use last_writer, salesforce or postgres", p))
		return LastWriter
	}
}

func (w *walker) features(v value) map[string]bool {
	if v.v == nil {
		return nil
	}
	o, ok := w.object(v)
	if !ok {
		return nil
	}
	out := make(map[string]bool, len(o.members))
	for _, name := range o.names() {
		if v := o.take(name); v.v != nil {
			out[name] = w.boolean(v, false)
		}
	}
	return out
}

func (w *walker) applyPolicies(f *File, policies map[string]Policy) {
	for _, object := range slices.Sorted(maps.Keys(policies)) {
		e := f.Entry(object)
		if e == nil {
			w.fail("connection.syncline.policies."+object, "the file has no mapping of this object")
			continue
		}
		e.Policy = policies[object]
	}
}

// applyOptions gives the file's mappings their options.
func (w *walker) applyOptions(f *File, options map[string]value) {
	for _, object := range slices.Sorted(maps.Keys(options)) {
		v := options[object]
		if v.v == nil {
			continue
		}
		e := f.Entry(object)
		if e == nil {
			w.fail(v.path, "the file has no mapping of this object")
			continue
		}
		if o, ok := w.object(v); ok {
			e.Options = readOptions[Options](w, o)
			w.optionFaults(v.path, e.Options.Check(e.Fields))
		}
	}
}

func (w *walker) optionFaults(path string, err error) {
	if errs, ok := errors.AsType[OptionErrors](err); ok {
		for _, e := range errs {
			w.fail(path+"."+e.Key, e.Problem)
		}
	}
}
