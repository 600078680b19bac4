package sobject

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// lenient lets a describe pass that holds a lone surrogate in some label or a
// key twice: neither changes what a sync does.
var lenient = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

// Decode reads the reply of /sobjects/{Object}/describe. Attributes that it
// does not know are left out; a reply without a name or without fields is an
// error, since a sync must not take it for an object that lost its fields.
func Decode(r io.Reader) (*Object, error) {
	var o Object
	if err := json.UnmarshalRead(r, &o, lenient); err != nil {
		return nil, fmt.Errorf("decode describe: %w", err)
	}
	if o.Name == "" {
		return nil, errors.New("decode describe: the reply has no object name")
	}
	if len(o.Fields) == 0 {
		return nil, fmt.Errorf("decode describe: object %s comes without fields", o.Name)
	}
	return &o, nil
}

// DecodeGlobal reads the reply of /sobjects, which lists all objects.
func DecodeGlobal(r io.Reader) ([]Summary, error) {
	var reply struct {
		Objects []Summary `json:"sobjects"`
	}
	if err := json.UnmarshalRead(r, &reply, lenient); err != nil {
		return nil, fmt.Errorf("decode list of objects: %w", err)
	}
	if reply.Objects == nil {
		return nil, errors.New("decode list of objects: the reply has no key sobjects")
	}
	return reply.Objects, nil
}
