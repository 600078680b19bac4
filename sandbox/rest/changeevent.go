package rest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/synclinehq/syncline/sandbox/events"
	"github.com/synclinehq/syncline/sandbox/schema"
)

// changeEventOf is the object whose change event a name is, nil if it is none.
func (c *call) changeEventOf(name string) *schema.Object {
	base, ok := strings.CutSuffix(strings.ToLower(name), "changeevent")
	if !ok {
		return nil
	}
	if strings.HasSuffix(base, "__") {
		base += "c"
	}
	obj, ok := c.s.org.Catalog.Object(base)
	if !ok || !events.Supported(obj) || !c.actor.CanRead(obj) {
		return nil
	}
	return obj
}

// changeEvent is GET /sobjects/{O}ChangeEvent and its describe. A change event
// has the fields of its object but for those that its header stands for, and
// can neither be queried nor written.
func (c *call) changeEvent(obj *schema.Object) (*reply, error) {
	basics := schema.ChangeEventBasics(obj, events.ChangeEventName(obj.Name), c.bare())
	switch {
	case c.method != http.MethodGet:
		return nil, methodNotAllowed(c.method, "GET")
	case len(c.seg) == 2:
		return marshalReply(map[string]any{"objectDescribe": basics, "recentItems": []any{}})
	case len(c.seg) != 3 || c.seg[2] != "describe":
		return nil, notFound()
	}
	hidden := func(o *schema.Object, f *schema.Field) bool { return !c.actor.CanSee(o, f) }
	whole := c.s.org.Catalog.Describe(obj, c.bare(), hidden)
	d := &schema.ObjectDescribe{
		ActionOverrides: []any{}, NamedLayoutInfos: []any{}, ChildRelationships: []schema.ChildDescribe{},
		RecordTypeInfos: []schema.RecordTypeInfo{}, SupportedScopes: []map[string]string{}, SobjectDescribeOption: "FULL",
		AssociateEntityType: basics.AssociateEntityType, AssociateParentEntity: basics.AssociateParentEntity,
		Name: basics.Name, Label: basics.Label, LabelPlural: basics.LabelPlural, Triggerable: basics.Triggerable, URLs: basics.URLs,
		Fields: []schema.FieldDescribe{
			eventField("ReplayId", "Replay ID", schema.TypeString),
			eventField("ChangeEventHeader", "Change Event Header", schema.TypeComplex),
		},
	}
	left := []string{"Id", "IsDeleted", "SystemModstamp"}
	for _, f := range whole.Fields {
		src, ok := obj.Field(f.Name)
		if !ok || src.Calculated || slices.Contains(left, f.Name) {
			continue
		}
		f.Createable, f.Updateable, f.Filterable, f.Sortable, f.Groupable, f.Aggregatable = false, false, false, false, false, false
		d.Fields = append(d.Fields, f)
	}
	return marshalReply(d)
}

func eventField(name, label string, t schema.Type) schema.FieldDescribe {
	return schema.FieldDescribe{
		Name: name, Label: label, Type: t.String(), SoapType: t.SoapType(), Nillable: true,
		PicklistValues: []schema.PicklistDescribe{}, ReferenceTo: []string{},
	}
}
