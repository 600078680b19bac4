package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// file is a schema file: custom objects, and custom fields for objects that
// exist already.
type file struct {
	Objects []fileObject           `json:"objects"`
	Fields  map[string][]FileField `json:"fields"`
}

type fileObject struct {
	Name        string      `json:"name"`
	Label       string      `json:"label"`
	LabelPlural string      `json:"labelPlural"`
	KeyPrefix   string      `json:"keyPrefix"`
	NameField   *FileField  `json:"nameField"`
	Fields      []FileField `json:"fields"`
}

// FileField is a custom field as a schema file and the control plane write it.
// Names follow the describe; what is not given takes its usual value.
type FileField struct {
	Name             string   `json:"name"`
	Label            string   `json:"label,omitempty"`
	Type             string   `json:"type"`
	Length           int      `json:"length,omitempty"`
	Precision        int      `json:"precision,omitempty"`
	Scale            int      `json:"scale,omitempty"`
	Digits           int      `json:"digits,omitempty"`
	Required         bool     `json:"required,omitempty"`
	ReadOnly         bool     `json:"readOnly,omitempty"`
	ExternalID       bool     `json:"externalId,omitempty"`
	Unique           bool     `json:"unique,omitempty"`
	CaseSensitive    bool     `json:"caseSensitive,omitempty"`
	AutoNumber       bool     `json:"autoNumber,omitempty"`
	Formula          string   `json:"formula,omitempty"`
	Values           []string `json:"values,omitempty"`
	Restricted       bool     `json:"restricted,omitempty"`
	Default          any      `json:"default,omitempty"`
	ReferenceTo      []string `json:"referenceTo,omitempty"`
	RelationshipName string   `json:"relationshipName,omitempty"`
	Children         string   `json:"childRelationshipName,omitempty"`
	MasterDetail     bool     `json:"masterDetail,omitempty"`
	Encrypted        bool     `json:"encrypted,omitempty"`
	Rollup           *Rollup  `json:"rollup,omitempty"`
}

var (
	objectName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*__[ce]$`)
	fieldName  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*__c$`)
	keyPrefix  = regexp.MustCompile(`^[A-Za-z0-9]{3}$`)
)

// LoadJSON adds the custom objects and fields of a schema file. Nothing is added
// if any of it is wrong by itself; the error says which entry and why.
func (c *Catalog) LoadJSON(r io.Reader) error {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	var f file
	if err := dec.Decode(&f); err != nil {
		return fmt.Errorf("schema file: %w", err)
	}
	objects := make([]Object, 0, len(f.Objects))
	for _, fo := range f.Objects {
		o, err := c.fromFile(fo)
		if err != nil {
			return fmt.Errorf("schema file: object %q: %w", fo.Name, err)
		}
		objects = append(objects, o)
	}
	added := make(map[string][]Field)
	for object, list := range f.Fields {
		if _, ok := c.Object(object); !ok {
			return fmt.Errorf("schema file: fields of %q: %w", object, ErrNotFound)
		}
		for _, ff := range list {
			list, err := ff.Fields()
			if err != nil {
				return fmt.Errorf("schema file: %s: %w", object, err)
			}
			added[object] = append(added[object], list...)
		}
	}
	return c.addAll(objects, added)
}

func (c *Catalog) addAll(objects []Object, added map[string][]Field) error {
	for _, o := range objects {
		if err := c.AddObject(o); err != nil {
			return fmt.Errorf("schema file: %w", err)
		}
	}
	for object, list := range added {
		for _, f := range list {
			if err := c.AddField(object, f); err != nil {
				return fmt.Errorf("schema file: %w", err)
			}
		}
	}
	return nil
}

func (c *Catalog) fromFile(fo fileObject) (Object, error) {
	if !objectName.MatchString(fo.Name) {
		return Object{}, errors.New("a custom object's name is letters and digits, ending in __c, a platform event's in __e")
	}
	if fo.KeyPrefix == "" {
		fo.KeyPrefix = c.freePrefix()
	}
	if !keyPrefix.MatchString(fo.KeyPrefix) {
		return Object{}, fmt.Errorf("key prefix %q is not three letters or digits", fo.KeyPrefix)
	}
	label := orElse(fo.Label, strings.TrimSuffix(fo.Name, "__c"))
	name := text("Name", label+" Name", 80).auto().nullable().named().lookup()
	if nf := fo.NameField; nf != nil && nf.AutoNumber {
		name = text("Name", label+" Number", 80).numbered().named().lookup()
	}
	o := customObject(fo.Name, label, orElse(fo.LabelPlural, label+"s"), fo.KeyPrefix, name)
	for _, ff := range fo.Fields {
		list, err := ff.Fields()
		if err != nil {
			return Object{}, err
		}
		for _, f := range list {
			if f.MasterDetail && o.Fields[1].Name == "OwnerId" { // the master owns its details
				o.Fields = append(o.Fields[:1:1], o.Fields[2:]...)
			}
			o.Fields = append(o.Fields, &f)
		}
	}
	if strings.HasSuffix(o.Name, "__e") { // what is published is no record
		o.Createable, o.Updateable, o.Deletable, o.Queryable, o.Retrieveable, o.Replicateable = false, false, false, false, false, false
	}
	return o, nil
}

// freePrefix is the first unused prefix of custom objects.
func (c *Catalog) freePrefix() string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for _, a := range digits {
		for _, b := range digits {
			if p := "a" + string(a) + string(b); c.state.Load().byPrefix[p] == nil {
				return p
			}
		}
	}
	return ""
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
