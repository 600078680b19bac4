package writer

import (
	"strings"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/outbox"
	"github.com/synclinehq/syncline/internal/salesforce"
)

// What a write says of assignment rules: none runs, or the one that is active.
// "" leaves it to the org, which runs the active one; anything else is the Id
// of a rule.
const (
	ruleOff = "FALSE"
	ruleOn  = "TRUE"
)

// rule is what writes of a table say of assignment rules.
func (w *Writer) rule(t *mapping.Table) string {
	if t == nil {
		return ruleOff
	}
	switch rule := t.Mapping.Options.AssignmentRule; {
	case strings.EqualFold(rule, "true"):
		return ruleOn
	case strings.EqualFold(rule, "false"):
		return ruleOff
	case rule != "":
		return rule
	case w.cfg.Connection.Features["use_assignment_rules"]:
		return ""
	default:
		return ruleOff
	}
}

func isRuleID(rule string) bool { return rule != "" && rule != ruleOn && rule != ruleOff }

func opOf(op outbox.Op) salesforce.Op {
	switch op {
	case outbox.Insert:
		return salesforce.Insert
	case outbox.Upsert:
		return salesforce.Upsert
	case outbox.Delete:
		return salesforce.Delete
	default:
		return salesforce.Update
	}
}
