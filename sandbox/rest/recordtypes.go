package rest

import (
	"net/http"
	"time"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// ctlRecordTypes makes a record type.
func (s *Server) ctlRecordTypes(_ http.ResponseWriter, r *http.Request) (any, error) {
	var do struct {
		Object        string `json:"object"`
		Name          string `json:"name"`
		DeveloperName string `json:"developerName,omitempty"`
	}
	if err := readControl(r, &do); err != nil {
		return nil, err
	}
	id, err := s.org.AddRecordType(do.Object, do.Name, do.DeveloperName)
	if err != nil {
		return nil, err
	}
	return map[string]string{"id": id}, nil
}

// recordTypes adds an object's record types to its description, before the
// master type, which is the default only where there is no other.
func (c *call) recordTypes(obj *schema.Object, d *schema.ObjectDescribe) {
	var list []schema.RecordTypeInfo
	given := false
	for _, rt := range c.s.org.RecordTypes(obj.Name) {
		list = append(list, schema.RecordTypeInfo{
			Active: rt.Active, Available: rt.Active, DefaultRecordTypeMapping: rt.Active && !given,
			DeveloperName: rt.DeveloperName, Name: rt.Name, RecordTypeID: rt.ID,
			URLs: map[string]string{"layout": d.URLs["layouts"] + "/" + rt.ID},
		})
		given = given || rt.Active
	}
	if given {
		d.RecordTypeInfos[0].DefaultRecordTypeMapping = false
	}
	d.RecordTypeInfos = append(list, d.RecordTypeInfos...)
}

// recordTypesChanged is when a record type of the object last changed.
func (c *call) recordTypesChanged(obj *schema.Object) time.Time {
	var last time.Time
	for _, rt := range c.s.org.RecordTypes(obj.Name) {
		if rt.Changed.After(last) {
			last = rt.Changed
		}
	}
	return last
}
