package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/synclinehq/syncline/internal/manage"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/verify"
)

//go:embed templates
var templates embed.FS

var pages = template.Must(template.New("").ParseFS(templates, "templates/*.html"))

// page is what the frame of every page shows.
type page struct {
	Title       string
	Who, Role   string
	Connections []tab
	Version     string
	Live        string // address of the fragment that is fetched again; "" for none
	View        *view
	Text, Hint  string
}

// tab leads to a connection.
type tab struct {
	Name, ID string
	Current  bool
}

// view is a connection as it is shown; all texts are ready.
type view struct {
	Name, Resource, Org, User, Schema string
	State                             chip
	Sentence                          string
	Notes                             []string
	Figures                           []figure
	Mappings                          []row
}

// chip is a state as a word with a colour; the word says all.
type chip struct{ Value, Label, Meaning, Class string }

// figure is a number with its name and what it means.
type figure struct{ Name, Value, Note string }

// row is a mapping.
type row struct {
	Object, Table, Access  string
	State                  chip
	Salesforce, Postgres   string
	Pending, Failed        int
	Polled, Trouble, Cause string
	// Proved is how the newest proof ended; ProvedClass colours differences.
	Proved, ProvedClass string
	Loaded, Total       int64 // of a load under way; Total 0 means none is
}

func (s *server) overview(w http.ResponseWriter, r *http.Request, c manage.Caller) {
	all, err := s.cfg.Manage.Connections(r.Context(), c)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	p := page{Title: "Connections", Who: c.Name, Role: string(c.Role), Version: s.cfg.Version}
	if len(all) == 0 {
		p.Text = "There is no connection yet."
		p.Hint = "Make one with: syncline connection create --help"
		s.render(w, r, http.StatusOK, "page", p)
		return
	}
	id := r.PathValue("id")
	if id == "" {
		id = all[0].ID.String()
	}
	st, err := s.cfg.Manage.Status(r.Context(), c, id)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	for _, conn := range all {
		p.Connections = append(p.Connections, tab{Name: conn.Name, ID: conn.ID.String(), Current: conn.ID == st.Connection.ID})
	}
	p.Title, p.View, p.Live = st.Connection.Name, show(st, time.Now()), "/ui/connections/"+st.Connection.ID.String()+"/live"
	s.render(w, r, http.StatusOK, "page", p)
}

// live is the part of the page that changes.
func (s *server) live(w http.ResponseWriter, r *http.Request, c manage.Caller) {
	st, err := s.cfg.Manage.Status(r.Context(), c, r.PathValue("id"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, http.StatusOK, "live", show(st, time.Now()))
}

func (s *server) message(w http.ResponseWriter, r *http.Request, status int, text, hint string) {
	s.render(w, r, status, "page", page{Title: text, Text: text, Hint: hint, Version: s.cfg.Version})
}

func (s *server) render(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		s.log.ErrorContext(r.Context(), "page not rendered", "page", name, "error", err)
		http.Error(w, "The server failed to show this.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client is gone if it fails
}

// show puts a status into words.
func show(st *manage.Status, now time.Time) *view {
	c := st.Connection
	v := &view{
		Name: c.Name, Resource: c.ResourceName, Org: c.Org.OrganizationID, User: c.Org.Username, Schema: c.Schema,
		State: chipOf(st.State), Sentence: sentence(st),
	}
	for _, note := range []string{c.Status.Cause, st.State.Remedy, st.Unseen} {
		if note != "" {
			v.Notes = append(v.Notes, note)
		}
	}
	v.Figures = []figure{
		{"Lag to Salesforce", span(st.Queue.Oldest), fmt.Sprintf("%s waiting to be sent", plural(st.Queue.Unsent+st.Queue.Pending, "change"))},
		{"Lag to Postgres", known(st.StalenessToPostgres), "older changes have arrived"},
		{"Write errors", fmt.Sprint(st.Queue.Failed), "refused by Salesforce"},
		{"API calls", grouped(st.Calls.Total), fmt.Sprintf("in 24 h; the org counts %s of %s", grouped(int64(st.Calls.Org.Used)), grouped(int64(st.Calls.Org.Max)))},
		{"Latency to Salesforce", median(st.ToSalesforce), fmt.Sprintf("median of %s in 15 min", plural(int(st.ToSalesforce.Changes), "change"))},
		{"Latency to Postgres", median(st.ToPostgres), fmt.Sprintf("median of %s in 15 min", plural(int(st.ToPostgres.Changes), "change"))},
	}
	for _, m := range st.Mappings {
		v.Mappings = append(v.Mappings, rowOf(m, now))
	}
	return v
}

func rowOf(m manage.MappingStatus, now time.Time) row {
	r := row{
		Object: m.Mapping.ObjectName, Table: m.Table, Access: "reads", State: chipOf(m.State),
		Salesforce: number(m.RowsSalesforce), Postgres: number(m.RowsPostgres),
		Pending: m.Queue.Unsent + m.Queue.Pending, Failed: m.Queue.Failed, Polled: known(m.Staleness), Cause: m.Mapping.Status.Cause,
	}
	if m.Mapping.Access == mapping.ReadWrite {
		r.Access = "reads and writes"
	}
	r.Trouble = mapping.PausedWords(m.Mapping.Status.Paused, m.Mapping.Options.PauseReads, m.Mapping.Options.PauseWrites)
	r.Proved, r.ProvedClass = proved(m.Proof, now)
	if m.Mapping.Status.Stage == mapping.StageLoading {
		r.Loaded, r.Total = m.LoadedRows, m.LoadTotal
	}
	return r
}

// proved tells how the newest proof ended, and the class of its chip.
func proved(p *verify.Outcome, now time.Time) (text, class string) {
	if p == nil {
		return "not yet", ""
	}
	ago := " " + span(max(0, now.Sub(p.Began))) + " ago"
	if p.Equal {
		return "equal" + ago, ""
	}
	return plural(int(p.Differences), "difference") + ago, string(mapping.Failed)
}

func chipOf(s mapping.State) chip {
	return chip{Value: s.Value, Label: s.Label, Meaning: s.Meaning, Class: string(s.Class)}
}

// sentence says in one whether the data are right and how fresh, as far as is
// known without a verification.
func sentence(st *manage.Status) string {
	c := &st.Connection
	rests := mapping.PausedWords(c.Status.Paused, c.Options.PauseReads, c.Options.PauseWrites)
	switch waiting := st.Queue.Unsent + st.Queue.Pending; {
	case len(st.Mappings) == 0:
		return "Nothing is kept equal yet: import a configuration file with syncline config import."
	case rests == "paused":
		return "The sync is paused; changes go on to be captured."
	case st.State.Class == mapping.Failed:
		return "The sync stands still: " + st.State.Meaning
	case st.Summary != "OK":
		return "Not all mappings are well; see below."
	case rests == "reads paused":
		return "What changes in Salesforce is not read: reads are paused."
	case rests == "writes paused":
		return fmt.Sprintf("Writes are paused; waiting to be sent: %s.", plural(waiting, "change"))
	case st.Queue.Failed > 0:
		return fmt.Sprintf("The sync runs, but Salesforce refused %s.", plural(st.Queue.Failed, "change"))
	case waiting > 0:
		return fmt.Sprintf("%s on the way to Salesforce.", plural(waiting, "change"))
	default:
		return fmt.Sprintf("All %s up to date as of %s ago.", plural(len(st.Mappings), "mapping"), known(st.StalenessToPostgres))
	}
}

// median is half of the changes' latency, if there were any.
func median(l manage.Latency) string {
	if l.Changes == 0 {
		return "–"
	}
	return span(l.P50)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(int64(n)) + " " + noun + "s"
}

// grouped is a number with its digits in threes.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func number(n *int64) string {
	if n == nil {
		return "not counted yet"
	}
	return grouped(*n)
}

func known(d time.Duration) string {
	if d < 0 {
		return "not known yet"
	}
	return span(d)
}

func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}
