package judge

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// write is one accepted write of the org's log.
type write struct {
	Seq    int64                      `json:"seq"`
	Client string                     `json:"client"`
	Object string                     `json:"object"`
	ID     string                     `json:"id"`
	Op     string                     `json:"op"`
	Fields map[string]json.RawMessage `json:"fields"`
}

// creations follows which record holds an external id of an object.
type creations struct {
	field string
	// holder is the record by external id, held the external id by record.
	holder, held map[string]string
}

// readWrites looks for external ids created while they were taken.
func (r *Report) readWrites(in io.Reader, mappings []mapping) error {
	watched := make(map[string]*creations)
	for _, m := range mappings {
		if len(m.unique) > 0 {
			watched[strings.ToLower(m.object)] = &creations{field: m.unique[0], holder: map[string]string{}, held: map[string]string{}}
		}
	}
	dec := json.NewDecoder(in)
	for {
		var w write
		err := dec.Decode(&w)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("log of accepted writes, after entry %d: %w", r.Writes, err)
		}
		r.Writes++
		if c := watched[strings.ToLower(w.Object)]; c != nil {
			c.follow(w, &r.CreatedTwice)
		}
	}
}

func (c *creations) follow(w write, twice *Tally) {
	id := idKey(w.ID)
	if w.Op == "delete" || w.Op == "purge" {
		if c.holder[c.held[id]] == id {
			delete(c.holder, c.held[id])
		}
		return
	}
	value, given := c.value(w)
	if !given {
		return
	}
	if old := c.held[id]; old != value && c.holder[old] == id {
		delete(c.holder, old)
	}
	if value == "" {
		return
	}
	if other, taken := c.holder[value]; taken && other != id && w.Op == "insert" {
		twice.add(Finding{ID: w.ID, Field: c.field, Org: value, Detail: fmt.Sprintf("entry %d of client %q; held by %s", w.Seq, w.Client, other)})
	}
	c.holder[value], c.held[id] = id, value
}

// value is the external id that a write sets; given tells whether it sets one.
func (c *creations) value(w write) (value string, given bool) {
	for name, raw := range w.Fields {
		if strings.EqualFold(name, c.field) {
			if json.Unmarshal(raw, &value) != nil {
				value = strings.Trim(string(raw), `"`)
			}
			return strings.ToLower(strings.TrimSpace(value)), true
		}
	}
	return "", false
}
