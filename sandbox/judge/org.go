package judge

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// org reads the org's side.
type org struct {
	open func(ctx context.Context, object string) (io.ReadCloser, error)
	// known are the field names of each object: lower case to as written.
	known map[string]map[string]string
	// external is the value of an external id field by id, by the field's name
	// in lower case, over all objects.
	external map[string]map[string]string
}

// line is one record of a dump, without its fields.
type line struct {
	id      string
	deleted bool
}

// each reads an object's dump. field gets every field's value before done gets
// the record it belongs to.
func (o *org) each(ctx context.Context, object string, field func(name string, v jsontext.Value) error, done func(line) error) (err error) {
	r, err := o.open(ctx, object)
	if err != nil {
		return fmt.Errorf("open the state of %s: %w", object, err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	dec := jsontext.NewDecoder(bufio.NewReaderSize(r, 1<<16))
	for n := 1; ; n++ {
		if n%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		l, err := readLine(dec, field)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && l.id == "" {
			err = errors.New("a record without id")
		}
		if err == nil {
			err = done(l)
		}
		if err != nil {
			return fmt.Errorf("state of %s, line %d: %w", object, n, err)
		}
	}
}

func readLine(dec *jsontext.Decoder, field func(string, jsontext.Value) error) (l line, err error) {
	start, err := dec.ReadToken()
	if err != nil {
		return l, err
	}
	if start.Kind() != '{' {
		return l, fmt.Errorf("a %v where a record should be", start.Kind())
	}
	err = members(dec, func(name string) error {
		switch name {
		case "fields":
			if t, err := dec.ReadToken(); err != nil || t.Kind() != '{' {
				return errors.Join(err, errors.New("fields is not an object"))
			}
			return members(dec, func(name string) error {
				v, err := dec.ReadValue()
				if err != nil {
					return err
				}
				return field(name, v)
			})
		case "id", "deleted":
			t, err := dec.ReadToken()
			if err != nil {
				return err
			}
			if name == "id" {
				l.id = t.String()
			} else {
				l.deleted = t.Kind() == 't'
			}
			return nil
		}
		return dec.SkipValue()
	})
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return l, err
}

// members walks an object whose opening brace has been read.
func members(dec *jsontext.Decoder, member func(name string) error) error {
	for {
		t, err := dec.ReadToken()
		if err != nil {
			return err
		}
		if t.Kind() == '}' {
			return nil
		}
		if err := member(t.String()); err != nil {
			return err
		}
	}
}

// learn finds out which fields the objects have and gathers the external ids
// that relationship columns need.
func (o *org) learn(ctx context.Context, mappings []mapping, parents []string) error {
	objects := parents
	for _, m := range mappings {
		objects = append(objects[:len(objects):len(objects)], m.object)
	}
	for _, object := range objects {
		if err := o.learnFields(ctx, object); err != nil {
			return err
		}
	}
	o.external = make(map[string]map[string]string)
	for _, m := range mappings {
		for _, name := range m.fields {
			if _, ext, ok := o.relationship(m.object, name); ok {
				o.external[strings.ToLower(ext)] = make(map[string]string)
			}
		}
	}
	for _, object := range objects {
		if err := o.learnExternal(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

// errEnough ends the reading of a dump early.
var errEnough = errors.New("enough")

func (o *org) learnFields(ctx context.Context, object string) error {
	names := make(map[string]string)
	err := o.each(ctx, object, func(name string, _ jsontext.Value) error {
		names[strings.ToLower(name)] = name
		return nil
	}, func(line) error { return errEnough })
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	o.known[object] = names
	return nil
}

func (o *org) learnExternal(ctx context.Context, object string) error {
	needed := false
	for ext := range o.external {
		if _, has := o.known[object][ext]; has {
			needed = true
		}
	}
	if !needed {
		return nil
	}
	found := make(map[string]string)
	return o.each(ctx, object, func(name string, v jsontext.Value) error {
		ext := strings.ToLower(name)
		if _, wanted := o.external[ext]; wanted {
			found[ext] = string(v)
		}
		return nil
	}, func(l line) error {
		for ext, v := range found {
			o.external[ext][idKey(l.id)] = v
		}
		clear(found)
		return nil
	})
}

// relationship takes a mapped name such as Account__External_ID__c or
// Account__r__External_ID__c apart into the lookup field and the parent's
// external id. A name that is a field of the object is none.
func (o *org) relationship(object, name string) (lookup, external string, ok bool) {
	fields := o.known[object]
	if _, plain := fields[strings.ToLower(name)]; plain {
		return "", "", false
	}
	for i := 1; i+2 < len(name); i++ {
		if name[i:i+2] != "__" {
			continue
		}
		hop := strings.ToLower(name[:i])
		candidate := hop + "id"
		if strings.HasSuffix(hop, "__r") {
			candidate = strings.TrimSuffix(hop, "r") + "c"
		}
		if lookup, has := fields[candidate]; has {
			return lookup, name[i+2:], true
		}
	}
	return "", "", false
}

// idKey makes the 15- and the 18-character form of an id one key.
func idKey(id string) string {
	if len(id) == 18 {
		return id[:15]
	}
	return id
}
