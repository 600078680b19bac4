package rest

import (
	"github.com/synclinehq/syncline/sandbox/schema"
	"github.com/synclinehq/syncline/sandbox/soql"
)

// columnMetadata says what a query selects, for clients that print tables.
type columnMetadata struct {
	Aggregate      bool             `json:"aggregate"`
	ApexType       string           `json:"apexType"`
	BooleanType    bool             `json:"booleanType"`
	ColumnName     string           `json:"columnName"`
	Custom         bool             `json:"custom"`
	DisplayName    string           `json:"displayName"`
	ForeignKeyName *string          `json:"foreignKeyName"`
	Insertable     bool             `json:"insertable"`
	JoinColumns    []columnMetadata `json:"joinColumns"`
	NumberType     bool             `json:"numberType"`
	TextType       bool             `json:"textType"`
	Updatable      bool             `json:"updatable"`
}

// queryColumns is /query with columns=true: what the query selects, without
// running it.
func (c *call) queryColumns(text string) (*reply, error) {
	_, bound, err := c.s.org.Prepare(c.actor, text)
	if err != nil {
		return nil, err
	}
	cols := describeColumns(bound.Columns)
	id := false
	for _, m := range cols {
		id = id || m.ColumnName == "Id"
	}
	return marshalReply(map[string]any{
		"columnMetadata": cols, "entityName": bound.Object.Name, "groupBy": bound.Aggregate, "idSelected": id, "keyPrefix": bound.Object.KeyPrefix,
	})
}

func describeColumns(cols []soql.Column) []columnMetadata {
	list := make([]columnMetadata, 0, len(cols))
	for i := range cols {
		c := &cols[i]
		m := columnMetadata{ColumnName: c.Name, DisplayName: c.Name, JoinColumns: []columnMetadata{}, ApexType: "String", TextType: true}
		switch c.Kind {
		case soql.ColumnParent:
			m.JoinColumns, m.ForeignKeyName = describeColumns(c.Columns), &c.Field.Name
			m.ApexType, m.TextType = "complexvaluetype", false
		case soql.ColumnChildren:
			m.JoinColumns, m.Aggregate = describeColumns(c.Sub.Columns), true
			m.ApexType, m.TextType = "complexvaluetype", false
		case soql.ColumnAggregate:
			m.Aggregate = c.Field == nil || c.Count
			m.setType(c.Type)
		default:
			m.Custom, m.Insertable, m.Updatable = c.Field.Custom, c.Field.Createable, c.Field.Updateable
			m.setType(c.Field.Type)
		}
		list = append(list, m)
	}
	return list
}

func (m *columnMetadata) setType(t schema.Type) {
	kind := t.Kind()
	m.BooleanType, m.NumberType, m.TextType = kind == schema.KindBool, kind == schema.KindNumber, kind == schema.KindText
	switch {
	case t == schema.TypeID || t == schema.TypeReference:
		m.ApexType = "Id"
	case t == schema.TypeInt:
		m.ApexType = "Integer"
	case kind == schema.KindNumber:
		m.ApexType = "Double"
	case kind == schema.KindBool:
		m.ApexType = "Boolean"
	case kind == schema.KindDate:
		m.ApexType = "Date"
	case kind == schema.KindInstant:
		m.ApexType = "Datetime"
	case kind == schema.KindTime:
		m.ApexType = "Time"
	}
}
