package demo

import (
	"context"

	"github.com/synclinehq/syncline/sandbox/org"
)

// seed fills the org and sets its validation rule. Parents come first, since
// children draw theirs from what is there.
func (w *world) seed(ctx context.Context) error {
	n := w.opt.Rows
	plans := []org.SeedPlan{
		{Object: "User", Rows: 50},
		{Object: "Account", Rows: n},
		{Object: "Contact", Rows: n},
		{Object: "Opportunity", Rows: max(n/2, editsPerSide)},
		{Object: "Project__c", Rows: max(n/5, 2*editsPerSide)},
	}
	control := w.org.Control()
	for i, p := range plans {
		w.say.replace("The sandbox org is filling with data: %s", p.Object)
		p.Seed, p.Past = w.opt.Seed+uint64(i), true
		if err := control.Seed(ctx, p); err != nil {
			return err
		}
	}
	return control.SetRules(ctx, org.Rules{Validations: []org.Validation{
		{Object: "Account", Condition: ruleCondition, Message: ruleMessage, Fields: []string{"NumberOfEmployees"}},
	}})
}
