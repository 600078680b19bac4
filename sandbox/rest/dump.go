package rest

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
	"github.com/synclinehq/syncline/sandbox/soql"
)

// dumpSlice is how many records are rendered under one hold of the org's lock.
const dumpSlice = 500

// ctlDump streams all records of an object as JSON lines, the recycle bin
// included, as a user without any limits sees them.
func (s *Server) ctlDump(w http.ResponseWriter, r *http.Request) (any, error) {
	obj, ok := s.org.Catalog.Object(r.URL.Query().Get("object"))
	if !ok {
		return nil, fmt.Errorf("no object %q", r.URL.Query().Get("object"))
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := bufio.NewWriterSize(w, 1<<16)
	admin, _ := s.as(org.IntegrationUser)
	all := &org.Actor{User: admin.User, System: true}
	from := ""
	for done := false; !done; {
		var b []byte
		err := s.org.Read(all, func(v *org.View) error {
			rd := renderer{r.Context(), "v" + strconv.Itoa(maxVersion) + ".0", v}
			n := 0
			done = true
			for row := range v.ByIDFrom(obj, from) {
				if n == dumpSlice {
					done = false
					break
				}
				b = append(rd.dumpLine(b, obj, row), '\n')
				from = row.ID() + "\x00"
				n++
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		_, _ = out.Write(b) // keeps its error for Flush
		if gone(r) {
			break
		}
	}
	_ = out.Flush() // nobody to tell: the reader went away
	return nil, nil
}

func (rd *renderer) dumpLine(b []byte, obj *schema.Object, row soql.Row) []byte {
	b = appendString(append(b, `{"object":`...), obj.Name)
	b = appendString(append(b, `,"id":`...), row.ID())
	b = strconv.AppendBool(append(b, `,"deleted":`...), row.Deleted())
	b = append(b, `,"fields":{`...)
	for i, f := range obj.Fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, f.Name), ':')
		b = rd.field(b, row, f)
	}
	return append(b, "}}"...)
}

// gone says whether the reader of a stream has left.
func gone(r *http.Request) bool { return r.Context().Err() != nil }

// ctlWrites lists accepted writes after ?since= as JSON lines.
func (s *Server) ctlWrites(w http.ResponseWriter, r *http.Request) (any, error) {
	since := int64(0)
	if text := r.URL.Query().Get("since"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("since %q is not a number", text)
		}
		since = n
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := bufio.NewWriterSize(w, 1<<16)
	for {
		list := s.org.WritesSince(since, 1000)
		if len(list) == 0 || gone(r) {
			break
		}
		for _, entry := range list {
			_, _ = out.Write(append(appendWrite(nil, entry), '\n')) // keeps its error for Flush
			since = entry.Seq
		}
	}
	_ = out.Flush() // nobody to tell: the reader went away
	return nil, nil
}

func appendWrite(b []byte, e org.Write) []byte {
	b = strconv.AppendInt(append(b, `{"seq":`...), e.Seq, 10)
	for _, m := range [][2]string{
		{"at", e.At.UTC().Format(time.RFC3339Nano)}, {"client", e.Client}, {"oauthClient", e.OAuthClient},
		{"user", e.User}, {"object", e.Object}, {"id", e.ID}, {"op", e.Op},
	} {
		b = append(appendString(append(b, ','), m[0]), ':')
		b = appendString(b, m[1])
	}
	b = append(b, `,"fields":{`...)
	for i, f := range e.Fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, f.Field.Name), ':')
		b = appendValue(b, f.Field, f.Value)
	}
	return append(b, "}}"...)
}
