package rest

import (
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
	"github.com/synclinehq/syncline/sandbox/soql"
)

const pageStyle = `<style>body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;color:#181818}
a{color:#0b5cab}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ddd;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}td.name{width:16rem}input,textarea,select{font:inherit;width:100%;box-sizing:border-box;padding:.2rem .4rem}
button{font:inherit;padding:.35rem 1.2rem;border-radius:.25rem;border:1px solid #0176d3;background:#0176d3;color:#fff;cursor:pointer}
button.danger{background:#fff;color:#b3261e;border-color:#b3261e}.note{color:#555}.bad{color:#b3261e;font-weight:600}.good{color:#1b6e34;font-weight:600}
label{font-weight:600}nav{color:#555}code{font-size:.9em}</style>`

var pages = template.Must(template.New("head").Parse(`<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{{.Title}} | Sandbox Org</title>` + pageStyle + `</head><body>
<nav><a href="/">Objects</a> · <a href="/events">Events</a>{{if .Object}} · <a href="/records/{{.Object}}">{{.Object}}</a>{{end}}</nav><h1>{{.Title}}</h1>
{{if .Error}}<p class="bad" role="alert">{{.Error}}</p>{{end}}{{if .Done}}<p class="good" role="status">{{.Done}}</p>{{end}}`))

var (
	_ = template.Must(pages.New("objects").Parse(`{{template "head" .}}
<p class="note">A made-up Salesforce org. What you change here is a change by {{.User}}.</p>
<table><thead><tr><th>Object</th><th class="n">Records</th></tr></thead><tbody>
{{range .Objects}}<tr><td><a href="/records/{{.Name}}">{{.Name}}</a></td><td class="n">{{.Count}}</td></tr>{{end}}
</tbody></table>{{if .Empty}}<p class="note">Without records: {{range $i, $o := .Empty}}{{if $i}}, {{end}}<a href="/records/{{$o}}">{{$o}}</a>{{end}}.</p>{{end}}
<h2>Faults in force</h2>{{if .Faults}}<form method="post"><table><thead><tr><th>Fault</th><th>Calls</th><th class="n">Met</th><th class="n">Seen</th><th></th></tr></thead><tbody>
{{range .Faults}}<tr><td>{{.Kind}}{{if .Status}} {{.Status}}{{end}}{{if .Code}} {{.Code}}{{end}}</td><td>{{.Method}} <code>{{.Path}}</code>{{if .Client}} by {{.Client}}{{end}}</td>
<td class="n">{{.Hits}}{{if .Count}} of {{.Count}}{{end}}</td><td class="n">{{.Seen}}</td><td class="n"><button class="danger" name="lift" value="{{.ID}}">Lift</button></td></tr>{{end}}
</tbody></table></form>{{else}}<p class="note">None. The control plane puts them in force.</p>{{end}}</body></html>`))
	_ = template.Must(pages.New("events").Parse(`{{template "head" .}}
<p class="note">The newest change events, newest first. Objects selected: {{range $i, $o := .Selected}}{{if $i}}, {{end}}{{$o}}{{end}}. Reload to see more.</p>
<table><thead><tr><th class="n">Replay Id</th><th>At</th><th>Change</th><th>Records</th><th>Fields</th><th>Origin</th></tr></thead><tbody>
{{range .Events}}<tr><td class="n">{{.Replay}}</td><td>{{.At}}</td><td>{{.Object}}<br>{{.Change}}</td><td>{{range .IDs}}{{.}}<br>{{end}}</td>
<td>{{range .Fields}}{{.}}<br>{{end}}</td><td>{{.Origin}}</td></tr>{{else}}<tr><td colspan="6" class="note">No events yet.</td></tr>{{end}}</tbody></table></body></html>`))
	_ = template.Must(pages.New("records").Parse(`{{template "head" .}}
<form method="get"><p><label>Name or Id <input name="q" value="{{.Query}}"></label></p></form>
<table><thead><tr><th>Id</th><th>Name</th><th>Last change</th></tr></thead><tbody>
{{range .Rows}}<tr><td><a href="/records/{{$.Object}}/{{.ID}}">{{.ID}}</a></td><td>{{.Name}}</td><td>{{.Changed}}</td></tr>{{else}}
<tr><td colspan="3" class="note">No records.</td></tr>{{end}}</tbody></table>
{{if .New}}<p><a href="/records/{{.Object}}/new">New record</a></p>{{end}}<p class="note">The {{.Shown}} newest changes of {{.Count}} records.</p></body></html>`))
	_ = template.Must(pages.New("record").Parse(`{{template "head" .}}
<form method="post"><table><tbody>
{{range .Fields}}<tr><td class="name"><label for="{{.Name}}">{{.Name}}</label><br><span class="note">{{.Type}}</span></td><td>
{{if .Long}}<textarea id="{{.Name}}" name="{{.Name}}" rows="3">{{.Value}}</textarea>{{else if and .Editable .Closed}}<select id="{{.Name}}" name="{{.Name}}">{{$v := .Value}}{{range .Choices}}<option{{if eq . $v}} selected{{end}}>{{.}}</option>{{end}}</select>
{{else if .Editable}}<input id="{{.Name}}" name="{{.Name}}" value="{{.Value}}"{{if .Choices}} list="{{.Name}}-list"{{end}}>{{if .Choices}}<datalist id="{{.Name}}-list">{{range .Choices}}<option>{{.}}</option>{{end}}</datalist>{{end}}{{else}}{{.Value}}{{end}}
</td></tr>{{end}}</tbody></table>
<p><button name="do" value="save">Save</button> {{if not .New}}<button class="danger" name="do" value="delete">Delete</button>{{end}}</p></form></body></html>`))
)

type pageData struct {
	Title, Object, Error, Done, User, Query string
	Objects                                 []pageObject
	Empty                                   []string
	Faults                                  []fault
	Rows                                    []pageRow
	Fields                                  []pageField
	Shown, Count                            int
	// New says that a record can be created, or that this is the form for it.
	New      bool
	Selected []string
	Events   []pageEvent
}

type pageObject struct {
	Name  string
	Count int
}

type pageRow struct{ ID, Name, Changed string }

type pageField struct {
	Name, Type, Value string
	Editable, Long    bool
	// Choices are the entries of a picklist; Closed says that there are no
	// others.
	Choices []string
	Closed  bool
}

// choose fills in what can be chosen for a field.
func (p *pageField) choose(f *schema.Field) {
	switch f.Type {
	case schema.TypeBoolean:
		p.Choices, p.Closed = []string{"true", "false"}, true
	case schema.TypePicklist, schema.TypeCombobox:
		p.Closed = f.RestrictedPicklist
		if p.Closed && f.Nillable {
			p.Choices = append(p.Choices, "")
		}
		for _, v := range f.Picklist {
			p.Choices = append(p.Choices, v.Value)
		}
		if p.Closed && !slices.Contains(p.Choices, p.Value) {
			p.Choices = append(p.Choices, p.Value)
		}
	}
}

type pageEvent struct {
	Replay                     int64
	At, Object, Change, Origin string
	IDs, Fields                []string
}

const (
	// eventsSegment is the path of the page of events.
	eventsSegment = "events"
	pageLimit     = 100
	// pageIDs is how many Ids of one event are listed.
	pageIDs = 5
)

// page serves the org's own page: objects, records of one, one record to
// create, edit or delete. It answers only on this machine.
func (s *Server) page(w http.ResponseWriter, r *http.Request, seg []string) {
	if !loopback(r) {
		writeError(w, notFound())
		return
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		http.Error(w, "request from another site", http.StatusForbidden)
		return
	}
	actor, ok := s.as(org.DemoUser)
	if !ok {
		writeError(w, notFound())
		return
	}
	switch {
	case len(seg) == 0:
		s.objectsPage(w, r, actor)
		return
	case seg[0] == eventsSegment:
		s.eventsPage(w)
		return
	}
	obj, ok := s.org.Catalog.Object(seg[0])
	if !ok {
		writeError(w, notFound())
		return
	}
	switch len(seg) {
	case 1:
		s.recordsPage(w, r, actor, obj)
	case 2:
		if seg[1] == newSegment && obj.Createable {
			s.newPage(w, r, actor, obj)
			return
		}
		s.recordPage(w, r, actor, obj, seg[1])
	default:
		writeError(w, notFound())
	}
}

func show(w http.ResponseWriter, name string, d pageData) {
	w.Header().Set("Content-Type", "text/html;charset=UTF-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'")
	_ = pages.ExecuteTemplate(w, name, d) // a browser that went away is not the org's problem
}

func (s *Server) objectsPage(w http.ResponseWriter, r *http.Request, actor *org.Actor) {
	if id, err := strconv.Atoi(r.PostFormValue("lift")); err == nil && id > 0 {
		s.faults.remove(id)
	}
	d := pageData{Title: "Objects", User: actor.User.Username, Faults: s.faults.all()}
	for _, obj := range s.org.Catalog.Objects() {
		if n := s.org.Count(obj); n > 0 || obj.Custom {
			d.Objects = append(d.Objects, pageObject{obj.Name, n})
		} else if obj.Createable && !obj.Setup {
			d.Empty = append(d.Empty, obj.Name)
		}
	}
	show(w, "objects", d)
}

func (s *Server) recordsPage(w http.ResponseWriter, r *http.Request, actor *org.Actor, obj *schema.Object) {
	d := pageData{Title: obj.LabelPlural, Object: obj.Name, Query: r.URL.Query().Get("q"), Count: s.org.Count(obj), New: obj.Createable}
	name := obj.NameField()
	query := "SELECT Id FROM " + obj.Name
	if id, ok := org.NormalizeID(d.Query); ok {
		query += " WHERE Id = '" + id + "'"
	} else if d.Query != "" && name != nil {
		query += " WHERE " + name.Name + " LIKE '%" + quoteSOQL(d.Query) + "%'"
	}
	if _, ok := obj.Field("SystemModstamp"); ok {
		query += " ORDER BY SystemModstamp DESC, Id DESC"
	}
	cur, err := s.org.Query(r.Context(), actor, query+fmt.Sprintf(" LIMIT %d", pageLimit), false)
	if err != nil {
		d.Error = err.Error()
		show(w, "records", d)
		return
	}
	_ = s.org.Read(actor, func(v *org.View) error { // the function can't fail
		for _, id := range cur.Result.IDs {
			if row, ok := v.ByID(obj, id); ok {
				d.Rows = append(d.Rows, listRow(v, row, name))
			}
		}
		return nil
	})
	d.Shown = len(d.Rows)
	show(w, "records", d)
}

func quoteSOQL(s string) string {
	return strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", " ", "\r", " ").Replace(s)
}

func listRow(v *org.View, row soql.Row, name *schema.Field) pageRow {
	p := pageRow{ID: row.ID()}
	if name != nil {
		p.Name = v.Value(row, name).String()
	}
	if f, ok := row.Object().Field("SystemModstamp"); ok {
		p.Changed = row.Value(f.Slot).String()
	}
	return p
}

func (s *Server) recordPage(w http.ResponseWriter, r *http.Request, actor *org.Actor, obj *schema.Object, text string) {
	id, ok := org.NormalizeID(text)
	if !ok {
		writeError(w, notFound())
		return
	}
	d := pageData{Title: obj.Label + " " + id, Object: obj.Name}
	if r.Method == http.MethodPost {
		gone, err := s.editByHand(r, actor, obj, id)
		if gone && err == nil {
			http.Redirect(w, r, "/records/"+obj.Name, http.StatusSeeOther)
			return
		}
		d.Done = "Saved."
		if err != nil {
			d.Done, d.Error = "", err.Error()
		}
	}
	err := s.org.Read(actor, func(v *org.View) error {
		row, ok := v.ByID(obj, id)
		if !ok {
			return notFound()
		}
		d.Fields = formFields(v, obj, row)
		return nil
	})
	if err != nil {
		writeError(w, err)
		return
	}
	show(w, "record", d)
}

// eventsPage shows what has become of changes as events.
func (s *Server) eventsPage(w http.ResponseWriter) {
	d := pageData{Title: "Events", Selected: s.bus.Selected()}
	for _, e := range s.bus.Recent(pageLimit) {
		b := e.Brief()
		p := pageEvent{Replay: b.Replay, At: b.At.Format("15:04:05.000"), Object: b.Entity, Change: b.Change, Origin: b.Origin, IDs: b.IDs, Fields: b.Fields}
		if more := len(b.IDs) - pageIDs; more > 0 {
			p.IDs = append(append([]string{}, b.IDs[:pageIDs]...), fmt.Sprintf("and %d more", more))
		}
		d.Events = append(d.Events, p)
	}
	show(w, "events", d)
}

func formFields(v *org.View, obj *schema.Object, row soql.Row) []pageField {
	var fields []pageField
	for _, f := range obj.Fields {
		if f.Type.Compound() || f.Type == schema.TypeBase64 {
			continue
		}
		p := pageField{Name: f.Name, Type: f.Type.String(), Editable: f.Updateable}
		if val := v.Value(row, f); !val.IsNull() {
			p.Value = val.String()
		}
		p.choose(f)
		p.Long = p.Editable && (f.Type == schema.TypeTextarea || strings.Contains(p.Value, "\n"))
		fields = append(fields, p)
	}
	return fields
}

// editByHand saves the fields of the form that differ from the record, or
// deletes it. A browser sends line ends as CRLF whatever they were.
func (s *Server) editByHand(r *http.Request, actor *org.Actor, obj *schema.Object, id string) (gone bool, err error) {
	r.Body = http.MaxBytesReader(nil, r.Body, 4<<20)
	if err := r.ParseForm(); err != nil {
		return false, fmt.Errorf("read form: %w", err)
	}
	tx := s.org.Begin(actor)
	defer tx.Rollback()
	if r.PostForm.Get("do") == "delete" {
		if err := tx.Delete(obj, id); err != nil {
			return false, err
		}
		return true, tx.Commit()
	}
	var body org.Body
	err = s.org.Read(actor, func(v *org.View) error {
		row, ok := v.ByID(obj, id)
		if !ok {
			return notFound()
		}
		for _, p := range formFields(v, obj, row) {
			given, there := r.PostForm[p.Name]
			if p.Editable && there && plainLines(given[0]) != plainLines(p.Value) {
				body = append(body, org.Input{Name: p.Name, Raw: given[0]})
			}
		}
		return nil
	})
	if err != nil || len(body) == 0 {
		return false, err
	}
	if err := tx.Update(obj, id, body); err != nil {
		return false, err
	}
	return false, tx.Commit()
}

func plainLines(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }
