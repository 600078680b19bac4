package schema

// def is a field under construction: the constructors below give an ordinary
// editable, optional field, the methods say what is different about it.
type def struct{ *Field }

func newDef(name, label string, t Type) def {
	f := &Field{
		Name: name, Label: label, Type: t,
		Nillable: true, Createable: true, Updateable: true, Permissionable: true,
	}
	f.limit()
	return def{f}
}

func sized(name, label string, t Type, length int) def {
	d := newDef(name, label, t)
	d.Length = length
	d.limit()
	return d
}

func text(name, label string, length int) def { return sized(name, label, TypeString, length) }

func area(name, label string, length int) def {
	d := sized(name, label, TypeTextarea, length)
	d.ExtraTypeInfo = "plaintextarea"
	return d
}

func email(name, label string) def { return sized(name, label, TypeEmail, 80) }
func phone(name, label string) def { return sized(name, label, TypePhone, 40) }
func url(name, label string) def   { return sized(name, label, TypeURL, 255) }

func pick(name, label string, length int, values ...string) def {
	d := sized(name, label, TypePicklist, length)
	for _, v := range values {
		d.Picklist = append(d.Picklist, PicklistValue{Value: v, Label: v})
	}
	return d
}

func combo(name, label string, length int, values ...string) def {
	d := pick(name, label, length, values...)
	d.Type = TypeCombobox
	return d
}

func multi(name, label string, values ...string) def {
	d := pick(name, label, 4099, values...)
	d.Type = TypeMultiPicklist
	d.limit()
	return d
}

func boolean(name, label string) def {
	d := newDef(name, label, TypeBoolean)
	d.Nillable, d.DefaultedOnCreate, d.Default = false, true, Bool(false)
	return d
}

func integer(name, label string, digits int) def {
	d := newDef(name, label, TypeInt)
	d.Digits = digits
	return d
}

func decimal(name, label string, t Type, precision, scale int) def {
	d := newDef(name, label, t)
	d.Precision, d.Scale = precision, scale
	return d
}

func double(name, label string, precision, scale int) def {
	return decimal(name, label, TypeDouble, precision, scale)
}

func currency(name, label string, precision, scale int) def {
	return decimal(name, label, TypeCurrency, precision, scale)
}

func percent(name, label string, precision, scale int) def {
	return decimal(name, label, TypePercent, precision, scale)
}

func date(name, label string) def     { return newDef(name, label, TypeDate) }
func datetime(name, label string) def { return newDef(name, label, TypeDateTime) }

// address is a compound; its parts name it with in().
func address(name, label string) def {
	d := newDef(name, label, TypeAddress)
	d.Createable, d.Updateable = false, false
	return d
}

func blob(name, label string) def { return newDef(name, label, TypeBase64) }

// id is the field Id.
func id(label string) def {
	d := sized("Id", label, TypeID, 18).ro().req()
	d.IDLookup, d.DefaultedOnCreate = true, true
	return d
}

// ref is a lookup: relationship is the name of the hop to the parent.
func ref(name, label, relationship string, to ...string) def {
	d := sized(name, label, TypeReference, 18)
	d.RelationshipName, d.ReferenceTo = relationship, to
	if len(to) > 1 {
		d.NamePointing = true
	}
	return d
}

// lookupTo is a custom lookup field.
func lookupTo(name, label, parent, children string) def {
	d := ref(name, label, name[:len(name)-1]+"r", parent).children(children)
	d.Custom = true
	return d
}

// ro makes a field read-only.
func (d def) ro() def {
	d.Createable, d.Updateable, d.Permissionable = false, false, false
	return d
}

// req makes a field required (or, of a read-only one, never null).
func (d def) req() def {
	d.Nillable, d.Permissionable = false, false
	return d
}

// auto: a new record gets a value although the field is never null.
func (d def) auto() def {
	d.Nillable, d.DefaultedOnCreate, d.Permissionable = false, true, false
	return d
}

func (d def) createOnly() def { d.Updateable = false; return d }
func (d def) updateOnly() def { d.Createable, d.Permissionable = false, false; return d }

// always readable: no field-level security applies.
func (d def) always() def { d.Permissionable = false; return d }

func (d def) in(compound string) def { d.CompoundFieldName = compound; return d }
func (d def) extra(info string) def  { d.ExtraTypeInfo = info; return d }
func (d def) restricted() def        { d.RestrictedPicklist = true; return d }
func (d def) lookup() def            { d.IDLookup = true; return d }
func (d def) named() def             { d.NameField = true; return d }
func (d def) noGroup() def           { d.Groupable = false; return d }

func (d def) noFilter() def {
	d.Filterable, d.Sortable, d.Groupable = false, false, false
	return d
}

// group: can be grouped by although it can't be filtered.
func (d def) group() def { d.Groupable = true; return d }

// secured: field-level security applies although nobody can write it.
func (d def) secured() def { d.Permissionable = true; return d }

// defaulted: the org may fill an optional field of a new record.
func (d def) defaulted() def { d.DefaultedOnCreate = true; return d }

// numbered makes an auto-number.
func (d def) numbered() def {
	d = d.ro().auto()
	d.AutoNumber, d.Groupable = true, false
	return d
}

// deflt sets the default of new records.
func (d def) deflt(v Value) def {
	d.Default, d.DefaultedOnCreate = v, true
	if t := v.Str(); t != "" {
		for i := range d.Picklist {
			d.Picklist[i].Default = d.Picklist[i].Value == t
		}
	}
	return d
}

// children names the way back from the parent in sub-queries.
func (d def) children(name string) def { d.ChildRelationshipName = name; return d }

// cascades: the record goes with its parent. restricts: it holds the parent.
func (d def) cascades() def  { d.CascadeDelete = true; return d }
func (d def) restricts() def { d.RestrictedDelete = true; return d }

// unique makes an external id that takes each value once, whatever its case.
func (d def) uniqueExternal() def {
	d.ExternalID, d.Unique, d.IDLookup = true, true, true
	return d
}

// formula makes a calculated field.
func (d def) formula(expression string) def {
	d = d.ro()
	d.Calculated, d.Formula, d.Nillable, d.Permissionable = true, expression, true, true
	return d
}

// custom marks fields as the customer's own.
func custom(fields ...def) []def {
	for _, d := range fields {
		d.Custom = true
	}
	return fields
}

// audit are the five stamps that nearly every object has.
func audit() []def {
	return []def{
		datetime("CreatedDate", "Created Date").ro().auto(),
		ref("CreatedById", "Created By ID", "CreatedBy", "User").ro().auto(),
		datetime("LastModifiedDate", "Last Modified Date").ro().auto(),
		ref("LastModifiedById", "Last Modified By ID", "LastModifiedBy", "User").ro().auto(),
		datetime("SystemModstamp", "System Modstamp").ro().auto(),
	}
}

func isDeleted() def { return boolean("IsDeleted", "Deleted").ro().auto() }

// viewed are the stamps of the user interface.
func viewed() []def {
	return []def{
		datetime("LastViewedDate", "Last Viewed Date").ro(),
		datetime("LastReferencedDate", "Last Referenced Date").ro(),
	}
}

// addressParts are the members of an address and the address itself.
func addressParts(prefix, label string) []def {
	compound := prefix + "Address"
	if label != "" {
		label += " "
	}
	return []def{
		area(prefix+"Street", label+"Street", 255).in(compound),
		text(prefix+"City", label+"City", 40).in(compound),
		text(prefix+"State", label+"State/Province", 80).in(compound),
		text(prefix+"PostalCode", label+"Zip/Postal Code", 20).in(compound),
		text(prefix+"Country", label+"Country", 80).in(compound),
		double(prefix+"Latitude", label+"Latitude", 18, 15).in(compound),
		double(prefix+"Longitude", label+"Longitude", 18, 15).in(compound),
		pick(prefix+"GeocodeAccuracy", label+"Geocode Accuracy", 40, "Address", "NearAddress", "Block", "Street",
			"ExtendedZip", "Zip", "Neighborhood", "City", "County", "State", "Unknown").in(compound).restricted(),
		address(compound, label+"Address"),
	}
}

// fields joins definitions, single or in groups.
func fields(groups ...any) []*Field {
	var all []*Field
	for _, g := range groups {
		switch g := g.(type) {
		case def:
			all = append(all, g.Field)
		case []def:
			for _, d := range g {
				all = append(all, d.Field)
			}
		}
	}
	return all
}

// standard is a standard object that API clients read and write.
func standard(name, plural, prefix string, groups ...any) Object {
	return Object{
		Name: name, Label: labelOf(name), LabelPlural: plural, KeyPrefix: prefix,
		Createable: true, Updateable: true, Deletable: true, Undeletable: true, Queryable: true,
		Retrieveable: true, Replicateable: true, Searchable: true, Triggerable: true, Layoutable: true,
		Fields: fields(groups...),
	}
}

// setup turns an object into one of the org's set-up: never in the bin.
func (o Object) setup() Object {
	o.Setup, o.Deletable, o.Undeletable, o.Layoutable = true, false, false, false
	return o
}

func (o Object) labels(label, plural string) Object {
	o.Label, o.LabelPlural = label, plural
	return o
}

// labelOf splits a name at its capitals: OrderItem is "Order Item".
func labelOf(name string) string {
	var out []byte
	for i := range len(name) {
		c := name[i]
		if i > 0 && 'A' <= c && c <= 'Z' {
			out = append(out, ' ')
		}
		out = append(out, c)
	}
	return string(out)
}

// nullable allows null again.
func (d def) nullable() def { d.Nillable = true; return d }
