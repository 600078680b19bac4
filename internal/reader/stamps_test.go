package reader_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/sobject"
	"github.com/synclinehq/syncline/sandbox"
)

// without maps Account as an object that lacks some fields.
func (s *site) without(fields ...string) {
	s.Helper()
	m := mapping.Mapping{ID: uuid.New(), ConnectionID: s.Connection.ID, ObjectName: "Account", Access: mapping.ReadOnly, Fields: []string{"Name"}, PollSeconds: 2}
	t, err := mapping.Resolve(m, func(object string) (*sobject.Object, error) {
		o, err := s.Org.Describe(s.Context(), object)
		if err != nil {
			return nil, err
		}
		kept := o.Fields[:0:0]
		for _, f := range o.Fields {
			gone := false
			for _, name := range fields {
				gone = gone || f.Name == name
			}
			if !gone {
				kept = append(kept, f)
			}
		}
		o.Fields = kept
		return o, nil
	})
	if err != nil {
		s.Fatal(err)
	}
	s.Run(`DROP TABLE salesforce.account`)
	if _, err := schema.Apply(s.Context(), s.DB, s.Connection, []*mapping.Table{t}); err != nil {
		s.Fatal(err)
	}
	s.account = t
}

func TestObjectsThatLackSystemModstamp(t *testing.T) {
	t.Parallel()
	for name, lacks := range map[string][]string{
		"LastModifiedDate": {"SystemModstamp"},
		"no stamp at all":  {"SystemModstamp", "LastModifiedDate", "CreatedDate", "IsDeleted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, sandbox.Options{})
			s.without(lacks...)
			s.Reader = s.reader(prompt)
			ids := s.accounts(3)
			s.load(s.account)
			s.poll(now)
			s.Sandbox.Org.Clock.Step(time.Hour)
			s.poll(now)
			s.Update("Account", ids[0], "Name", "changed")
			s.Insert("Account", "Name", "new")
			if got := s.poll(now); got.Err != nil || got.Result.Updated != 1 || got.Result.Inserted != 1 {
				t.Errorf("%+v", got)
			}
			s.Delete("Account", ids[1])
			s.poll(now)
			s.reconcile()
			s.want("in the end", "account 2 changed new")
		})
	}
}

// An object that has but CreatedDate is never changed: a history.
func TestAnObjectThatHasOnlyCreatedDate(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{})
	s.without("SystemModstamp", "LastModifiedDate")
	s.load(s.account)
	s.poll(now)
	s.Sandbox.Org.Clock.Step(time.Hour)
	s.poll(now)
	s.Insert("Account", "Name", "new")
	if got := s.poll(now); got.Err != nil || got.Result.Inserted != 1 || got.Rows != 1 {
		t.Errorf("%+v", got)
	}
}
