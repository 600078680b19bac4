package rest

import (
	"fmt"
	"net/http"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
)

// newSegment stands in a record's path for one that is to be created.
const newSegment = "new"

// newPage is the form of a record to be created.
func (s *Server) newPage(w http.ResponseWriter, r *http.Request, actor *org.Actor, obj *schema.Object) {
	d := pageData{Title: "New " + obj.Label, Object: obj.Name, New: true}
	if r.Method == http.MethodPost {
		id, err := s.createByHand(r, actor, obj)
		if err == nil {
			http.Redirect(w, r, "/records/"+obj.Name+"/"+id, http.StatusSeeOther)
			return
		}
		d.Error = err.Error()
	}
	for _, f := range obj.Fields {
		if !enterable(f) {
			continue
		}
		p := pageField{Name: f.Name, Type: f.Type.String(), Editable: true, Long: f.Type == schema.TypeTextarea, Value: r.PostForm.Get(f.Name)}
		if p.Value == "" && r.Method != http.MethodPost && !f.Default.IsNull() {
			p.Value = f.Default.String()
		}
		p.choose(f)
		d.Fields = append(d.Fields, p)
	}
	show(w, "record", d)
}

func enterable(f *schema.Field) bool {
	return f.Createable && f.Stored() && f.Type != schema.TypeBase64
}

// createByHand saves a record of the fields that the form fills in.
func (s *Server) createByHand(r *http.Request, actor *org.Actor, obj *schema.Object) (string, error) {
	r.Body = http.MaxBytesReader(nil, r.Body, 4<<20)
	if err := r.ParseForm(); err != nil {
		return "", fmt.Errorf("read form: %w", err)
	}
	var body org.Body
	for _, f := range obj.Fields {
		if text := r.PostForm.Get(f.Name); enterable(f) && text != "" {
			body = append(body, org.Input{Name: f.Name, Raw: text})
		}
	}
	tx := s.org.Begin(actor)
	defer tx.Rollback()
	id, err := tx.Insert(obj, body)
	if err != nil {
		return "", err
	}
	return id, tx.Commit()
}
