package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
)

const (
	maxRecords  = 200
	maxRetrieve = 2000
	maxChunks   = 10
)

// outcome is what became of one record of a collection.
type outcome struct {
	id      string
	created *bool
	err     *org.RowError
}

func (o outcome) append(b []byte) []byte {
	if o.err == nil {
		return append(b, saved(o.id, o.created)...)
	}
	b = append(b, `{"success":false,"errors":[{"statusCode":`...)
	b = appendString(b, o.err.Code)
	b = appendString(append(b, `,"message":`...), o.err.Message)
	b = append(b, `,"fields":`...)
	b = appendStrings(b, o.err.Fields)
	if d := duplicates(o.err); d != nil {
		if match, err := marshal(d); err == nil {
			b = append(append(b, `,"duplicateResult":`...), match...)
		}
	}
	b = append(b, "}]"...)
	if o.created != nil {
		b = strconv.AppendBool(append(b, `,"created":`...), *o.created)
	}
	return append(b, '}')
}

// marshalReply answers 200 with v as JSON.
func marshalReply(v any) (*reply, error) {
	b, err := marshal(v)
	if err != nil {
		return nil, err
	}
	return jsonReply(http.StatusOK, b), nil
}

// compositeCall is /composite and below.
func (c *call) compositeCall() (*reply, error) {
	if len(c.seg) == 1 {
		return c.composite()
	}
	if c.path(1) != "sobjects" || len(c.seg) > 4 {
		return nil, notFound()
	}
	switch {
	case len(c.seg) == 4 && (c.method == http.MethodPatch || c.method == http.MethodPost):
		return c.upsertRecords(c.seg[2], c.seg[3])
	case len(c.seg) == 3 && (c.method == http.MethodGet || c.method == http.MethodPost):
		return c.retrieve(c.seg[2])
	case len(c.seg) == 2:
		switch c.method {
		case http.MethodPost:
			return c.saveRecords(false)
		case http.MethodPatch:
			return c.saveRecords(true)
		case http.MethodDelete:
			return c.deleteRecords()
		}
	}
	return nil, methodNotAllowed(c.method, "DELETE,GET,PATCH,POST")
}

// collection reads the envelope {"allOrNone":…,"records":[…]}.
func (c *call) collection() (records []org.Body, allOrNone bool, err error) {
	envelope, err := parseRecord(c.body)
	if err != nil {
		return nil, false, err
	}
	raw, _ := envelope.Get("records")
	list, ok := raw.([]any)
	if !ok {
		return nil, false, failf(http.StatusBadRequest, "INVALID_INPUT", "The request has no array 'records'")
	}
	if len(list) > maxRecords {
		return nil, false, failf(http.StatusBadRequest, "EXCEEDED_ID_LIMIT",
			"record limit reached. cannot submit more than %d records into this call", maxRecords)
	}
	for i, r := range list {
		body, ok := r.(org.Body)
		if !ok {
			return nil, false, failf(http.StatusBadRequest, "JSON_PARSER_ERROR", "Record %d is not a JSON object", i)
		}
		records = append(records, body)
	}
	flag, _ := envelope.Get("allOrNone")
	allOrNone, _ = flag.(bool)
	return records, allOrNone, nil
}

// typeOf takes attributes.type off a record.
func typeOf(body org.Body) (org.Body, string) {
	rest, raw, _ := without(body, "attributes")
	attributes, _ := raw.(org.Body)
	name, _ := attributes.Get("type")
	text, _ := name.(string)
	return rest, text
}

// types resolves the types of all records, which fail the call if they are
// missing or change too often.
func (c *call) types(records []org.Body) ([]*schema.Object, error) {
	objs := make([]*schema.Object, len(records))
	chunks, last := 0, ""
	for i := range records {
		rest, name := typeOf(records[i])
		records[i] = rest
		if name == "" {
			return nil, failf(http.StatusBadRequest, "INVALID_INPUT", "Record %d has no attributes.type", i)
		}
		obj, ok := c.s.org.Catalog.Object(name)
		if !ok || !c.actor.CanRead(obj) {
			return nil, failf(http.StatusBadRequest, "INVALID_TYPE",
				"sObject type '%s' is not supported.", name)
		}
		objs[i] = obj
		if obj.Name != last {
			chunks, last = chunks+1, obj.Name
		}
	}
	if chunks > maxChunks {
		return nil, failf(http.StatusBadRequest, "INVALID_INPUT",
			"Cannot have more than %d chunks in a single operation. Please rearrange the data to reduce chunking.", maxChunks)
	}
	return objs, nil
}

// saveRecords is create and update of a collection.
func (c *call) saveRecords(update bool) (*reply, error) {
	records, allOrNone, err := c.collection()
	if err != nil {
		return nil, err
	}
	objs, err := c.types(records)
	if err != nil {
		return nil, err
	}
	twice := newRepeats()
	return c.each(len(records), allOrNone, func(tx *org.Tx, i int) (outcome, error) {
		if !update {
			id, err := tx.Insert(objs[i], records[i])
			return outcome{id: id}, err
		}
		body, raw, _ := without(records[i], "id")
		text, _ := raw.(string)
		if text == "" {
			return outcome{}, &org.RowError{Code: "MISSING_ARGUMENT", Message: "Id not specified in an update call", Fields: []string{"Id"}}
		}
		id, err := recordID(objs[i], text)
		if err != nil {
			return outcome{}, err
		}
		if !twice.first(id) {
			return outcome{}, &org.RowError{Code: "DUPLICATE_VALUE", Message: "Duplicate id specified: " + id, Fields: []string{"Id"}}
		}
		return outcome{id: id}, tx.Update(objs[i], id, body)
	})
}

// recordID checks an Id given for a record of an object.
func recordID(obj *schema.Object, text string) (string, error) {
	id, ok := org.NormalizeID(text)
	if !ok {
		return "", &org.RowError{Code: "MALFORMED_ID", Message: "malformed id " + text, Fields: []string{"Id"}}
	}
	if obj.KeyPrefix != "" && !strings.HasPrefix(id, obj.KeyPrefix) {
		return "", &org.RowError{Code: "MALFORMED_ID", Message: obj.Label + " ID: id value of incorrect type: " + text, Fields: []string{"Id"}}
	}
	return id, nil
}

// repeats finds keys that a request names twice.
type repeats map[string]bool

func newRepeats() repeats { return repeats{} }

func (r repeats) first(key string) bool {
	if r[key] {
		return false
	}
	r[key] = true
	return true
}

// each runs one write per record in one transaction and answers with their
// outcomes in order.
func (c *call) each(n int, allOrNone bool, write func(tx *org.Tx, i int) (outcome, error)) (*reply, error) {
	tx, commit, rollback := c.begin()
	defer rollback()
	out := make([]outcome, n)
	failed := false
	for i := range out {
		err := c.rowFault.fail(i)
		if err == nil {
			out[i], err = write(tx, i)
		}
		if err == nil {
			continue
		}
		if be, ok := errors.AsType[*org.BodyError](err); ok && c.s.org.Switches().JSONErrorScope != "row" {
			return nil, be
		}
		if out[i].err = asRowError(err); out[i].err == nil {
			return nil, err
		}
		failed = true
	}
	if failed && allOrNone {
		rollback()
		rollBackAll(out)
	} else if err := commit(); err != nil {
		return nil, err
	}
	b := []byte{'['}
	for i := range out {
		if i > 0 {
			b = append(b, ',')
		}
		b = out[i].append(b)
	}
	return jsonReply(http.StatusOK, append(b, ']')), nil
}

func asRowError(err error) *org.RowError {
	if amb, ok := errors.AsType[*org.Ambiguous](err); ok {
		return &org.RowError{Code: "DUPLICATE_EXTERNAL_ID", Message: fmt.Sprintf(
			"external id matched more than one record: %s", strings.Join(amb.IDs, ", "))}
	}
	re, _ := errors.AsType[*org.RowError](err)
	return re
}

// rollBackAll turns the successes of a failed all-or-none collection into
// failures.
func rollBackAll(out []outcome) {
	for i := range out {
		if out[i].err == nil {
			out[i].err = &org.RowError{Code: "ALL_OR_NONE_OPERATION_ROLLED_BACK",
				Message: "Record rolled back because not all records were valid and the request was using AllOrNone header"}
		}
	}
}

// upsertRecords is the upsert of a collection of one type.
func (c *call) upsertRecords(object, field string) (*reply, error) {
	obj, err := c.object(object)
	if err != nil {
		return nil, err
	}
	f, ok := obj.Field(field)
	if !ok || !c.actor.CanSee(obj, f) || !f.ExternalID && !f.IDLookup && f.Type != schema.TypeID {
		return nil, failf(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: %s", field)
	}
	records, allOrNone, err := c.collection()
	if err != nil {
		return nil, err
	}
	keys := make([]any, len(records))
	count := map[string]int{}
	for i := range records {
		records[i], _ = typeOf(records[i])
		records[i], keys[i], _ = without(records[i], f.Name)
		count[upsertKey(keys[i])]++
	}
	return c.each(len(records), allOrNone, func(tx *org.Tx, i int) (outcome, error) {
		if key := upsertKey(keys[i]); key != "" && count[key] > 1 {
			created := false
			return outcome{created: &created}, &org.RowError{Code: "DUPLICATE_VALUE",
				Message: fmt.Sprintf("Duplicate external id specified: %v", keys[i]), Fields: []string{f.Name}}
		}
		if f.Type == schema.TypeID && keys[i] == nil {
			created := true
			id, err := tx.Insert(obj, records[i])
			return outcome{id: id, created: &created}, err
		}
		id, created, err := tx.Upsert(obj, f, keys[i], records[i])
		return outcome{id: id, created: &created}, err
	})
}

func upsertKey(raw any) string {
	if raw == nil {
		return ""
	}
	return strings.ToLower(strings.TrimSpace(fmt.Sprint(raw)))
}

// deleteRecords is DELETE /composite/sobjects?ids=…
func (c *call) deleteRecords() (*reply, error) {
	ids := strings.Split(c.query.Get("ids"), ",")
	if c.query.Get("ids") == "" {
		return nil, failf(http.StatusBadRequest, "INVALID_INPUT", "The parameter 'ids' is missing")
	}
	if len(ids) > maxRecords {
		return nil, failf(http.StatusBadRequest, "EXCEEDED_ID_LIMIT",
			"record limit reached. cannot submit more than %d records into this call", maxRecords)
	}
	allOrNone := strings.EqualFold(c.query.Get("allOrNone"), "true")
	return c.each(len(ids), allOrNone, func(tx *org.Tx, i int) (outcome, error) {
		text := strings.TrimSpace(ids[i])
		obj, ok := c.s.org.Catalog.ByPrefix(text)
		if !ok {
			return outcome{}, &org.RowError{Code: "MALFORMED_ID", Message: "malformed id " + text}
		}
		id, err := recordID(obj, text)
		if err != nil {
			return outcome{}, err
		}
		return outcome{id: id}, tx.Delete(obj, id)
	})
}

// retrieve reads records by Id, null for each that is not there.
func (c *call) retrieve(object string) (*reply, error) {
	obj, err := c.object(object)
	if err != nil {
		return nil, err
	}
	ids, names, err := c.wanted()
	if err != nil {
		return nil, err
	}
	if len(ids) > maxRetrieve {
		return nil, failf(http.StatusBadRequest, "EXCEEDED_ID_LIMIT", "cannot retrieve more than %d records in one call", maxRetrieve)
	}
	fields, err := c.fields(obj, strings.Join(names, ","))
	if err != nil {
		return nil, err
	}
	b := []byte{'['}
	_ = c.s.org.Read(c.actor, func(v *org.View) error { // the function can't fail
		rd := renderer{c.ctx, c.version, v}
		for i, text := range ids {
			if i > 0 {
				b = append(b, ',')
			}
			id, _ := org.NormalizeID(strings.TrimSpace(text))
			row, ok := v.ByID(obj, id)
			if !ok || row.Deleted() {
				b = append(b, "null"...)
				continue
			}
			b = rd.record(b, row, fields)
		}
		return nil
	})
	return jsonReply(http.StatusOK, append(b, ']')), nil
}

// wanted reads ids and fields of a retrieve from its query or body.
func (c *call) wanted() (ids, fields []string, err error) {
	if c.method == http.MethodGet {
		return strings.Split(c.query.Get("ids"), ","), strings.Split(c.query.Get("fields"), ","), nil
	}
	var body struct {
		IDs    []string `json:"ids"`
		Fields []string `json:"fields"`
	}
	if err := json.Unmarshal(c.body, &body); err != nil {
		return nil, nil, failf(http.StatusBadRequest, "JSON_PARSER_ERROR", "%s", err)
	}
	if len(body.Fields) == 0 {
		return nil, nil, failf(http.StatusBadRequest, "INVALID_INPUT", "The request has no 'fields'")
	}
	return body.IDs, body.Fields, nil
}
