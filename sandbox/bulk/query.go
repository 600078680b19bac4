package bulk

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
	"github.com/synclinehq/syncline/sandbox/soql"
)

// defaultPage is how many rows a page has if neither client nor switch says.
const defaultPage = 250_000

// QueryRequest is what a query job is created from.
type QueryRequest struct {
	Operation       string `json:"operation"`
	Query           string `json:"query"`
	ContentType     string `json:"contentType"`
	ColumnDelimiter string `json:"columnDelimiter"`
	LineEnding      string `json:"lineEnding"`
}

// CreateQuery starts a query job. A fault's words, if not "", make it fail.
func (js *Jobs) CreateQuery(a *org.Actor, version string, req QueryRequest, fault string) (Info, error) {
	format, err := ParseFormat(req.ColumnDelimiter, req.LineEnding)
	if err != nil {
		return Info{}, &Error{"CLIENTINPUTERROR", err.Error()}
	}
	if req.Operation != "query" && req.Operation != "queryAll" {
		return Info{}, &Error{"CLIENTINPUTERROR", fmt.Sprintf("operation is %q, must be query or queryAll", req.Operation)}
	}
	if req.ContentType != "" && req.ContentType != "CSV" {
		return Info{}, &Error{"CLIENTINPUTERROR", fmt.Sprintf("contentType is %q, must be CSV", req.ContentType)}
	}
	work, err := js.prepare(a, req)
	if err != nil {
		return Info{}, err
	}
	obj := work.bound.Object
	j := &Job{
		Type: TypeQuery, Version: version, Format: format, actor: a, operation: req.Operation, object: obj.Name,
		chunked: chunkable(obj) && work.bound.Limit < 0 && !strings.Contains(strings.ToUpper(req.Query), "ORDER BY"),
		state:   UploadComplete, query: work,
	}
	js.mu.Lock()
	defer js.mu.Unlock()
	daily, _ := Quotas(js.org.Switches())
	if js.queries = js.recent(js.queries); len(js.queries) >= daily {
		return Info{}, &Error{"EXCEEDEDQUOTA", fmt.Sprintf("ApiBatchItems Limit exceeded: %d query jobs in 24 hours", daily)}
	}
	js.add(j)
	js.queries = append(js.queries, j.created)
	info := j.info()
	js.start(j, func() { js.runQuery(j, fault) })
	return info, nil
}

// prepare binds the query and refuses what Bulk API 2.0 can't run.
func (js *Jobs) prepare(a *org.Actor, req QueryRequest) (*queryWork, error) {
	if strings.TrimSpace(req.Query) == "" {
		return nil, &Error{"MALFORMED_QUERY", "A query string has to be specified"}
	}
	q, bound, err := js.org.Prepare(a, req.Query)
	if err != nil {
		return nil, err
	}
	switch {
	case bound.CountOnly || bound.Aggregate:
		return nil, unsupported("Aggregate Relationships")
	case bound.Offset > 0:
		return nil, unsupported("OFFSET clause")
	}
	leaves, err := flatten(nil, "", bound.Columns, nil)
	if err != nil {
		return nil, err
	}
	return &queryWork{text: req.Query, bound: bound, all: req.Operation == "queryAll", columns: inOrder(q, leaves)}, nil
}

// column is one column of the results.
type column struct {
	name string
	// path leads to the record that has the field; empty for the query's own.
	path  []*soql.Column
	field *soql.Column
	slot  int
	typ   schema.Type
	// direct: the value is stored in the record itself.
	direct bool
}

func flatten(list []column, prefix string, cols []soql.Column, path []*soql.Column) ([]column, error) {
	for i := range cols {
		c := &cols[i]
		switch c.Kind {
		case soql.ColumnParent:
			deeper := append(append([]*soql.Column(nil), path...), c)
			var err error
			if list, err = flatten(list, prefix+c.Name+".", c.Columns, deeper); err != nil {
				return nil, err
			}
			continue
		case soql.ColumnChildren:
			return nil, unsupported("Nested queries")
		}
		switch {
		case c.Field.Type.Compound():
			return nil, &Error{"API_ERROR", "Selecting compound data not supported in Bulk Query"}
		case c.Field.Type == schema.TypeBase64:
			return nil, unsupported("Binary fields")
		}
		list = append(list, column{
			name: prefix + c.Name, path: path, field: c, slot: c.Field.Slot, typ: c.Field.Type,
			direct: len(path) == 0 && c.Field.Stored() && !c.Label,
		})
	}
	return list, nil
}

// inOrder puts the columns into the order of the SELECT clause: binding
// gathers the columns of one parent.
func inOrder(q *soql.Query, leaves []column) []column {
	if len(q.Select) != len(leaves) {
		return leaves
	}
	byName := make(map[string]column, len(leaves))
	for _, l := range leaves {
		byName[strings.ToLower(l.name)] = l
	}
	ordered := make([]column, 0, len(leaves))
	for _, item := range q.Select {
		path, ok := item.Operand.(*soql.Path)
		if !ok {
			return leaves
		}
		name := strings.ToLower(path.String())
		l, ok := byName[name]
		if !ok { // qualified by the object's alias
			_, name, _ = strings.Cut(name, ".")
			if l, ok = byName[name]; !ok {
				return leaves
			}
		}
		ordered = append(ordered, l)
	}
	return ordered
}

func (js *Jobs) runQuery(j *Job, fault string) {
	if fault != "" {
		js.fail(j, fault)
		return
	}
	snap, err := js.org.Snapshot(context.Background(), j.actor, j.query.bound, j.query.all)
	if err != nil {
		js.fail(j, err.Error())
		return
	}
	js.update(func() {
		j.query.snap, j.changed = snap, true
		j.processed = snap.Len()
	})
}

// Results are the rows of one page of a complete query job.
type Results struct {
	job      *Job
	snap     *org.Snapshot
	From, To int
	// Locator of the next page, "" on the last.
	Locator string
}

// Rows is how many rows the page has.
func (r *Results) Rows() int { return r.To - r.From }

// Results finds a page of a job's results. limit is what the client asks for
// (0: it does not); "" is the locator of the first page.
func (js *Jobs) Results(id, version, locator string, limit int) (*Results, error) {
	j, snap, err := js.complete(id, version)
	if err != nil {
		return nil, err
	}
	from, err := readLocator(locator, snap.Len())
	if err != nil {
		return nil, err
	}
	r := &Results{job: j, snap: snap, From: from, To: min(from+js.pageRows(limit), snap.Len())}
	if r.To < snap.Len() {
		r.Locator = makeLocator(r.To)
	}
	return r, nil
}

func (js *Jobs) complete(id, version string) (*Job, *org.Snapshot, error) {
	js.mu.Lock()
	defer js.mu.Unlock()
	j, err := js.find(TypeQuery, id)
	if err != nil {
		return nil, nil, err
	}
	if j.Version != version {
		return nil, nil, &Error{CodeVersion, fmt.Sprintf("The job was created with API version %s; use that version to get its results", j.Version)}
	}
	if j.state != JobComplete {
		return nil, nil, &Error{"INVALIDJOBSTATE", "InvalidJobState : Results are available only for jobs in state JobComplete, this one is " + j.state}
	}
	return j, j.query.snap, nil
}

// maxResultPages is how many pages one call of ResultPages names.
const maxResultPages = 5

// ResultPages lists the locators of up to five pages from a locator on; next
// is the locator of the first page after them, "" if there is none.
func (js *Jobs) ResultPages(id, version, locator string, limit int) (pages []string, next string, err error) {
	_, snap, err := js.complete(id, version)
	if err != nil {
		return nil, "", err
	}
	from, err := readLocator(locator, snap.Len())
	if err != nil {
		return nil, "", err
	}
	rows := js.pageRows(limit)
	for ; len(pages) < maxResultPages && (from < snap.Len() || len(pages) == 0 && from == 0); from += rows {
		pages = append(pages, makeLocator(from))
	}
	if from < snap.Len() {
		next = makeLocator(from)
	}
	return pages, next, nil
}

func (js *Jobs) pageRows(limit int) int {
	set := js.org.Switches().Bulk.PageRows
	switch {
	case set > 0 && (limit <= 0 || limit > set):
		return set
	case limit > 0:
		return limit
	}
	return defaultPage
}

func makeLocator(at int) string {
	return base64.RawStdEncoding.EncodeToString([]byte(strconv.Itoa(at)))
}

func readLocator(text string, rows int) (int, error) {
	if text == "" {
		return 0, nil
	}
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	at, convErr := strconv.Atoi(string(b))
	if err != nil || convErr != nil || at < 0 || at > rows {
		return 0, &Error{"INVALIDLOCATOR", "invalid locator: " + text}
	}
	return at, nil
}
