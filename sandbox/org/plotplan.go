package org

import (
	"fmt"
	"slices"
	"strings"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// plotFields decides how each stored field of an object is computed in a plot.
func (o *Org) plotFields(obj *schema.Object, t *table, p *plot) ([]plotField, error) {
	pools := map[string]pool{}
	var list []plotField
	for _, f := range obj.Fields {
		if !f.Stored() || f.Type == schema.TypeID {
			continue
		}
		pf := plotField{Slot: f.Slot, Label: obj.Label, Length: f.Length, Scale: min(f.Scale, 4), Else: o.plotElse(t, f)}
		switch {
		case f.AutoNumber:
			pf.Kind, pf.Base, pf.Length = plotAuto, t.counters[f.Slot], 0
		case f.Slot == t.sys.stamp || f.Slot == t.sys.created || f.Slot == t.sys.modified:
			pf.Kind = plotStamp
		case f.Createable:
			o.plan(&pf, obj, f, pools)
		case f.Name == "Name" && len(obj.Members("Name")) > 0:
			pf.Kind, pf.Else = plotFull, nil
			for _, part := range nameParts {
				if m, ok := obj.Field(part); ok && m.Stored() {
					pf.Parts = append(pf.Parts, m.Slot)
				}
			}
		case pf.Else == nil:
			continue
		default:
			pf.Empty = always
		}
		if pf.Kind == plotLookup {
			if err := pf.scatter(p, obj); err != nil {
				return nil, err
			}
		}
		list = append(list, pf)
	}
	slices.SortFunc(list, func(a, b plotField) int { return a.Slot - b.Slot })
	return list, nil
}

// plotElse is what a record without a value of its own gets.
func (o *Org) plotElse(t *table, f *schema.Field) []byte {
	admin := schema.Text(o.admin.ID)
	v := defaultEntry(f)
	switch {
	case f.Slot == t.sys.createdBy || f.Slot == t.sys.modifiedBy || f.Slot == t.sys.owner:
		v = admin
	case !f.Default.IsNull():
		v = f.Default
	case f.Type == schema.TypeBoolean:
		v = schema.Bool(false)
	}
	if v.IsNull() {
		return nil
	}
	return appendValue(nil, v)
}

// plan picks the kind of a field that a client could have given.
func (o *Org) plan(pf *plotField, obj *schema.Object, f *schema.Field, pools map[string]pool) {
	if f.Type != schema.TypeBoolean && f.Nillable {
		pf.Empty = 3
	}
	switch f.Type {
	case schema.TypeReference:
		o.planLookup(pf, obj, f, pools)
	case schema.TypeBoolean:
		pf.Kind = plotBool
	case schema.TypeInt, schema.TypeDouble, schema.TypeCurrency, schema.TypePercent:
		planNumber(pf, f)
	case schema.TypeDate:
		pf.Kind = plotDate
	case schema.TypeDateTime:
		pf.Kind = plotInstant
	case schema.TypeTime:
		pf.Kind = plotTime
	case schema.TypePicklist, schema.TypeMultiPicklist, schema.TypeCombobox:
		pf.Kind = plotPick
		if f.Type == schema.TypeMultiPicklist {
			pf.Kind = plotMulti
		}
		for _, p := range f.Picklist {
			pf.Picks = append(pf.Picks, p.Value)
		}
		if len(pf.Picks) == 0 {
			pf.Empty = always
		}
	case schema.TypeBase64:
		pf.Empty, pf.Else = always, appendValue(nil, schema.Text("c2FuZGJveA=="))
	default:
		pf.Kind = plotText
		planText(pf, obj, f)
	}
}

func planNumber(pf *plotField, f *schema.Field) {
	pf.Whole = min(max(f.Precision-f.Scale, 1), 9)
	pf.Kind = plotDecimal
	switch {
	case f.Type == schema.TypeInt:
		pf.Kind, pf.Whole = plotInt, min(max(f.Digits, 1), 6)
	case strings.HasSuffix(f.Name, "Latitude") || strings.HasSuffix(f.Name, "Longitude"):
		pf.Kind = plotDegrees
	}
	if indexed(f) {
		pf.Kind, pf.Empty, pf.Whole = plotSerial, 0, 15
		if f.Type == schema.TypeInt {
			pf.Whole = max(f.Digits, 1)
		} else if f.Precision > 0 {
			pf.Whole = max(f.Precision-f.Scale, 1)
		}
	}
}

// planText picks the kind of text; one that tells records apart where the field
// is indexed.
func planText(pf *plotField, obj *schema.Object, f *schema.Field) {
	byName := map[string]string{"FirstName": "first", "LastName": "last", "Title": "job", "Alias": "short", "CommunityNickname": "short"}
	byType := map[schema.Type]string{schema.TypeEmail: "email", schema.TypePhone: "phone", schema.TypeURL: "url", schema.TypeTextarea: "prose"}
	pf.Text = byType[f.Type]
	if t, ok := byName[f.Name]; ok {
		pf.Text = t
	}
	for i, part := range []string{"City", "State", "Country"} {
		if strings.HasSuffix(f.Name, part) {
			pf.Text, pf.Whole = part, i
		}
	}
	for _, part := range []string{"Street", "PostalCode"} {
		if strings.HasSuffix(f.Name, part) {
			pf.Text = part
		}
	}
	switch {
	case f.Name == "Name" && obj.Name == "Account":
		pf.Text = "title"
	case f.Name == "Name" && obj.Name == "Opportunity":
		pf.Text = "deal"
	case f.Name == "Name":
		pf.Text = "own"
	case f.Name == "Username":
		pf.Text = "email"
	case indexed(f) && f.Type != schema.TypeEmail:
		pf.Text, pf.Label = "external", strings.ToLower(obj.Name[:min(3, len(obj.Name))])
	}
}

func (o *Org) planLookup(pf *plotField, obj *schema.Object, f *schema.Field, pools map[string]pool) {
	pf.Empty = always
	if !spreads(f) {
		return
	}
	name := f.ReferenceTo[0]
	pl, ok := pools[name]
	if !ok {
		pl = o.pool(name)
		pools[name] = pl
	}
	if pl.Size == 0 {
		return
	}
	pf.Kind, pf.Pool, pf.Empty = plotLookup, pl, 0
	switch {
	case name == obj.Name:
		pf.Empty = 9
	case f.Nillable:
		pf.Empty = 3
	}
}

// scatter decides which record a lookup points to.
func (f *plotField) scatter(p *plot, obj *schema.Object) error {
	d := p.dice(0, f.Slot+placeSlot)
	f.Shift = d.next() % f.Pool.Size
	if f.Pool.Size == 1 {
		return nil
	}
	for range 1000 {
		f.Step = 1 + d.next()%(f.Pool.Size-1)
		if back, ok := inverse(f.Step, f.Pool.Size); ok {
			f.Back = back
			return nil
		}
	}
	return fmt.Errorf("lookup of %s in slot %d: no step among %d records", obj.Name, f.Slot, f.Pool.Size)
}

// inverse is the number that times a leaves 1 when divided by m, if there is
// one.
func inverse(a, m uint64) (uint64, bool) {
	r0, r1 := int64(m), int64(a%m)
	t0, t1 := int64(0), int64(1)
	for r1 != 0 {
		q := r0 / r1
		r0, r1 = r1, r0-q*r1
		t0, t1 = t1, t0-q*t1
	}
	if r0 != 1 {
		return 0, false
	}
	return uint64((t0 + int64(m)) % int64(m)), true
}
