package mapping

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// Bounds of the options that are numbers.
const (
	minEvery       = 60
	maxEvery       = 366 * 24 * 60 * 60
	maxPriority    = 1000
	maxParallel    = 32
	maxBulkFrom    = 100_000_000
	maxBrakeRows   = 1_000_000_000
	wholePercent   = 100
	maxReserve     = 95
	maxDailyCalls  = 1_000_000_000
	switchedOff    = -1
	atItsDefault   = 0
	assignmentRule = "true, false or the Id of an assignment rule is wanted"
)

// OptionError says what is wrong with one option.
type OptionError struct {
	// Key is the option as a configuration file has it; "policies.Name" is
	// one of several.
	Key     string
	Problem string
}

// Error reads "filter: problem".
func (e *OptionError) Error() string { return e.Key + ": " + e.Problem }

// OptionErrors is everything that is wrong with options.
type OptionErrors []*OptionError

// Error lists all of them, one a line.
func (e OptionErrors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find an [*OptionError].
func (e OptionErrors) Unwrap() []error {
	out := make([]error, len(e))
	for i, one := range e {
		out[i] = one
	}
	return out
}

func (e OptionErrors) orNil() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

func (e *OptionErrors) add(key, format string, args ...any) {
	*e = append(*e, &OptionError{Key: key, Problem: fmt.Sprintf(format, args...)})
}

func (e *OptionErrors) within(key string, n, low, high int) {
	if n < low || n > high {
		e.add(key, "a whole number from %d to %d is wanted, not %d", low, high, n)
	}
}

// seconds checks how often something is done of itself.
func (e *OptionErrors) seconds(key string, n int) {
	if n != switchedOff && n != atItsDefault && (n < minEvery || n > maxEvery) {
		e.add(key, "a whole number from %d to %d is wanted, or -1 for never, not %d", minEvery, maxEvery, n)
	}
}

// Check says what is wrong with the options of a mapping of these fields, as
// far as that tells without the org; nil or [OptionErrors].
func (o Options) Check(fields []string) error {
	var errs OptionErrors
	if err := CheckFilter(o.Filter); err != nil {
		errs.add("filter", "no SOQL condition: %v", err)
	}
	if o.Deletes != RemoveRow && o.Deletes != KeepRow {
		errs.add("deletes", "%q is not known; use remove or keep", o.Deletes)
	}
	switch o.WhenReadOnly {
	case SendThem, HoldThem, DiscardThem:
	default:
		errs.add("when_read_only", "%q is not known; use send, hold or discard", o.WhenReadOnly)
	}
	errs.seconds("reconcile_seconds", o.ReconcileSeconds)
	errs.seconds("proof_seconds", o.ProofSeconds)
	errs.seconds("quick_proof_seconds", o.QuickProofSeconds)
	errs.within("priority", o.Priority, -maxPriority, maxPriority)
	if !isAssignmentRule(o.AssignmentRule) {
		errs.add("assignment_rule", "%q is not known; %s", shown(o.AssignmentRule), assignmentRule)
	}
	o.checkPolicies(&errs, fields)
	o.checkResolve(&errs, fields)
	return errs.orNil()
}

var ruleID = regexp.MustCompile(`^01[Qq][A-Za-z0-9]{12}([A-Za-z0-9]{3})?$`)

func isAssignmentRule(s string) bool {
	return s == "" || s == "true" || s == "false" || ruleID.MatchString(s)
}

func (o Options) checkPolicies(errs *OptionErrors, fields []string) {
	for _, field := range slices.Sorted(maps.Keys(o.Policies)) {
		switch p := o.Policies[field]; {
		case p != LastWriter && p != SalesforceWins && p != PostgresWins:
			errs.add("policies."+shown(field), "%q is no conflict policy; use last_writer, salesforce or postgres", shown(string(p)))
		case !contains(fields, field):
			errs.add("policies."+shown(field), "the field is not among the mapping's fields")
		}
	}
}

// columnName is the shape of a column that a person would add to a table.
var columnName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)

func (o Options) checkResolve(errs *OptionErrors, fields []string) {
	for _, field := range slices.Sorted(maps.Keys(o.ResolveFrom)) {
		column, key := o.ResolveFrom[field], "resolve_from."+shown(field)
		lookup, _, _ := strings.Cut(field, ":")
		switch {
		case !contains(fields, lookup):
			errs.add(key, "the lookup is not among the mapping's fields")
		case !columnName.MatchString(column):
			errs.add(key, "%q is no name of a column: letters, digits and underscores are wanted", shown(column))
		case column == "sfid" || slices.Contains(reserved, column) || contains(fields, column):
			errs.add(key, "%s is a column of the mapping itself; name one of your own, which holds the id of the parent's row", column)
		}
	}
}

// Check says what is wrong with the options; nil or [OptionErrors].
func (o ConnectionOptions) Check() error {
	var errs OptionErrors
	if o.Creates != CreatesByCall && o.Creates != CreatesByJob {
		errs.add("creates", "%q is not known; use call or job", shown(string(o.Creates)))
	}
	errs.within("bulk_writes_from", o.BulkWritesFrom, switchedOff, maxBulkFrom)
	errs.within("parallel_writes", o.ParallelWrites, 0, maxParallel)
	errs.within("brake_rows", o.BrakeRows, 0, maxBrakeRows)
	errs.within("brake_percent", o.BrakePercent, 0, wholePercent)
	errs.within("daily_calls", o.DailyCalls, 0, maxDailyCalls)
	errs.within("reserve_percent", o.ReservePercent, switchedOff, maxReserve)
	return errs.orNil()
}

// Clone returns a copy that shares nothing with o.
func (o Options) Clone() Options {
	o.Policies, o.ResolveFrom = maps.Clone(o.Policies), maps.Clone(o.ResolveFrom)
	return o
}

// Same says whether two options configure a mapping alike. A pause is a wish
// of the moment and no part of the configuration.
func (o Options) Same(other Options) bool {
	a, b := o.bare(), other.bare()
	return reflect.DeepEqual(a, b)
}

// bare is o without pauses and with maps that are nil if empty.
func (o Options) bare() Options {
	o.PauseReads, o.PauseWrites = false, false
	if len(o.Policies) == 0 {
		o.Policies = nil
	}
	if len(o.ResolveFrom) == 0 {
		o.ResolveFrom = nil
	}
	return o
}

// PolicyOf is the conflict policy of one field, whose name may also be a SOQL
// path (Account.External_ID__c): its own, or else the mapping's. It is never "".
func (m *Mapping) PolicyOf(field string) Policy {
	if len(m.Options.Policies) > 0 {
		for _, name := range []string{field, strings.Replace(field, ".", "__", 1)} {
			for f, p := range m.Options.Policies {
				if strings.EqualFold(f, name) {
					return p
				}
			}
		}
	}
	if m.Policy == "" {
		return LastWriter
	}
	return m.Policy
}

// ReadsPaused says whether a mapping's polls and loads rest.
func (m *Mapping) ReadsPaused(c *Connection) bool {
	return m.Status.Paused || m.Options.PauseReads || c.Status.Paused || c.Options.PauseReads
}

// WritesPaused says whether a mapping's entries wait in the log.
func (m *Mapping) WritesPaused(c *Connection) bool {
	return m.Status.Paused || m.Options.PauseWrites || c.Status.Paused || c.Options.PauseWrites
}
