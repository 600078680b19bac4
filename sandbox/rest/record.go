package rest

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
	"github.com/synclinehq/syncline/sandbox/soql"
)

// saved is the reply to one successful write.
func saved(id string, created *bool) []byte {
	b := appendString([]byte(`{"id":`), id)
	b = append(b, `,"success":true,"errors":[]`...)
	if created != nil {
		b = strconv.AppendBool(append(b, `,"created":`...), *created)
	}
	return append(b, '}')
}

// objectResource is /sobjects/{O}: its short description, or create.
func (c *call) objectResource(obj *schema.Object) (*reply, error) {
	switch c.method {
	case http.MethodGet, http.MethodHead:
		return c.basicInfo(obj)
	case http.MethodPost:
		return c.create(obj)
	}
	return nil, methodNotAllowed(c.method, "GET,HEAD,POST")
}

func (c *call) create(obj *schema.Object) (*reply, error) {
	body, err := c.recordBody(obj)
	if err != nil {
		return nil, err
	}
	body, _, _ = without(body, "attributes")
	if err := c.rowFault.fail(0); err != nil {
		return nil, err
	}
	tx, commit, rollback := c.begin()
	defer rollback()
	id, err := tx.Insert(obj, body)
	if err != nil {
		return nil, err
	}
	if err := commit(); err != nil {
		return nil, err
	}
	rep := jsonReply(http.StatusCreated, saved(id, nil))
	rep.header = http.Header{"Location": {c.recordURL(obj, id)}}
	return rep, nil
}

func (c *call) recordURL(obj *schema.Object, id string) string {
	return "/services/data/" + c.version + "/sobjects/" + obj.Name + "/" + id
}

// recordResource is /sobjects/{O}/{id}.
func (c *call) recordResource(obj *schema.Object, text string) (*reply, error) {
	id, ok := org.NormalizeID(text)
	if !ok {
		return nil, notFound()
	}
	switch c.method {
	case http.MethodGet, http.MethodHead:
		return c.read(obj, id)
	case http.MethodPatch, http.MethodDelete:
		if err := c.precondition(obj, id); err != nil {
			return nil, err
		}
		if c.method == http.MethodPatch {
			return c.update(obj, id)
		}
		return c.remove(obj, id)
	}
	return nil, methodNotAllowed(c.method, "DELETE,GET,HEAD,PATCH")
}

// missing turns the row error of a record that is not there into the reply of
// the record's resource.
func missing(err error) error {
	if re, ok := errors.AsType[*org.RowError](err); ok && re.Code == "INVALID_CROSS_REFERENCE_KEY" && len(re.Fields) == 0 {
		return notFound()
	}
	return err
}

func (c *call) update(obj *schema.Object, id string) (*reply, error) {
	body, err := c.recordBody(obj)
	if err != nil {
		return nil, err
	}
	body, _, _ = without(body, "attributes")
	if err := c.rowFault.fail(0); err != nil {
		return nil, err
	}
	return c.write(http.StatusNoContent, func(tx *org.Tx) error { return tx.Update(obj, id, body) })
}

func (c *call) remove(obj *schema.Object, id string) (*reply, error) {
	if err := c.rowFault.fail(0); err != nil {
		return nil, err
	}
	return c.write(http.StatusNoContent, func(tx *org.Tx) error { return tx.Delete(obj, id) })
}

// write runs one write in its transaction and answers without a body.
func (c *call) write(status int, do func(tx *org.Tx) error) (*reply, error) {
	tx, commit, rollback := c.begin()
	defer rollback()
	if err := do(tx); err != nil {
		return nil, missing(err)
	}
	if err := commit(); err != nil {
		return nil, err
	}
	return emptyReply(status), nil
}

// read answers with the record's visible fields, or those asked for.
func (c *call) read(obj *schema.Object, id string) (*reply, error) {
	fields, err := c.fields(obj, c.query.Get("fields"))
	if err != nil {
		return nil, err
	}
	rep := &reply{status: http.StatusOK, header: http.Header{}}
	err = c.s.org.Read(c.actor, func(v *org.View) error {
		row, ok := v.ByID(obj, id)
		if !ok {
			return notFound()
		}
		if row.Deleted() {
			return &org.RowError{Code: "ENTITY_IS_DELETED", Message: "entity is deleted"}
		}
		if err := c.unmodified(row); err != nil {
			return err
		}
		changed := rowChanged(row)
		rep.header.Set("Last-Modified", changed.Format(http.TimeFormat))
		if since, ok := c.headerTime("If-Modified-Since"); ok && !changed.After(since) {
			rep.status = http.StatusNotModified
			return nil
		}
		rd := renderer{c.ctx, c.version, v}
		rep.body = rd.record(nil, row, fields)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return rep, nil
}

// fields resolves a comma-separated list; "" is all that the caller sees.
func (c *call) fields(obj *schema.Object, list string) ([]*schema.Field, error) {
	var fields []*schema.Field
	if list == "" {
		for _, f := range obj.Fields {
			if c.actor.CanSee(obj, f) {
				fields = append(fields, f)
			}
		}
		return fields, nil
	}
	for _, name := range strings.Split(list, ",") {
		f, ok := obj.Field(strings.TrimSpace(name))
		if !ok || !c.actor.CanSee(obj, f) {
			return nil, failf(http.StatusBadRequest, "INVALID_FIELD", "No such column '%s' on sobject of type %s", strings.TrimSpace(name), obj.Name)
		}
		fields = append(fields, f)
	}
	return fields, nil
}

// keyResource is /sobjects/{O}/{ExtField}/{value}.
func (c *call) keyResource(obj *schema.Object, f *schema.Field, value string) (*reply, error) {
	if c.method == http.MethodPatch || c.method == http.MethodPost {
		return c.upsert(obj, f, value)
	}
	ids, err := c.s.org.FindByKey(c.actor, obj, f, value)
	if err != nil {
		return nil, err
	}
	switch {
	case len(ids) == 0:
		return nil, notFound()
	case len(ids) > 1:
		return c.choices(obj, ids), nil
	}
	return c.recordResource(obj, ids[0])
}

// choices is the 300 reply: the URLs of the records that match.
func (c *call) choices(obj *schema.Object, ids []string) *reply {
	b := []byte{'['}
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, c.recordURL(obj, id))
	}
	return jsonReply(http.StatusMultipleChoices, append(b, ']'))
}

func (c *call) upsert(obj *schema.Object, f *schema.Field, value string) (*reply, error) {
	body, err := parseRecord(c.body)
	if err != nil {
		return nil, err
	}
	body, _, _ = without(body, "attributes")
	for _, name := range []string{"Id", f.Name} {
		if _, there := body.Get(name); there {
			return nil, failf(http.StatusBadRequest, "INVALID_FIELD", "The %s field should not be specified in the sobject data.", name)
		}
	}
	if err := c.rowFault.fail(0); err != nil {
		return nil, err
	}
	if c.query.Get("updateOnly") == "true" {
		ids, err := c.s.org.FindByKey(c.actor, obj, f, value)
		if err != nil {
			return nil, err
		}
		if len(ids) == 0 {
			return nil, notFound()
		}
	}
	tx, commit, rollback := c.begin()
	defer rollback()
	id, created, err := tx.Upsert(obj, f, value, body)
	if amb, ok := errors.AsType[*org.Ambiguous](err); ok {
		return c.choices(obj, amb.IDs), nil
	}
	if err != nil {
		return nil, err
	}
	if err := commit(); err != nil {
		return nil, err
	}
	return c.upserted(obj, id, created), nil
}

func (c *call) upserted(obj *schema.Object, id string, created bool) *reply {
	if !created && c.versionNumber() <= 45 {
		return emptyReply(http.StatusNoContent)
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	rep := jsonReply(status, saved(id, &created))
	if created {
		rep.header = http.Header{"Location": {c.recordURL(obj, id)}}
	}
	return rep
}

func (c *call) versionNumber() int {
	n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(c.version, "v"), ".0"))
	return n
}

// blob is /sobjects/{O}/{id}/{field}: the bytes of a base64 field.
func (c *call) blob(obj *schema.Object, id, field string) (*reply, error) {
	f, ok := obj.Field(field)
	if !ok || f.Type != schema.TypeBase64 || !c.actor.CanSee(obj, f) {
		return nil, notFound()
	}
	var text string
	err := c.s.org.Read(c.actor, func(v *org.View) error {
		var row soql.Row
		if row, ok = v.ByID(obj, id); !ok {
			return notFound()
		}
		text = row.Value(f.Slot).Str()
		return nil
	})
	if err != nil {
		return nil, err
	}
	data, err := decodeBase64(text)
	if err != nil {
		return nil, err
	}
	return &reply{status: http.StatusOK, body: data, header: http.Header{"Content-Type": {"application/octet-stream"}}}, nil
}

func queryValues(raw string) url.Values {
	v, err := url.ParseQuery(raw)
	if err != nil {
		return url.Values{}
	}
	return v
}
