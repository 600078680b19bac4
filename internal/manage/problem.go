package manage

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/telemetry"
)

// Kind sorts problems by what the asker did or met.
type Kind string

// The kinds of problem.
const (
	// Invalid: what was asked for can't be done as it was asked.
	Invalid Kind = "invalid"
	// NotFound: no such thing, or none that the caller may see.
	NotFound Kind = "not_found"
	// Conflict: it clashes with how things stand.
	Conflict Kind = "conflict"
	// Refused: the caller lacks the right.
	Refused Kind = "refused"
	// Unavailable: the database or the org does not answer as it should.
	Unavailable Kind = "unavailable"
)

// Problem is an error that a person can mend. Its texts hold no secrets.
type Problem struct {
	Kind Kind
	// What is wrong, in one sentence.
	What string
	// Fix is what to do about it; a statement of SQL where that mends it.
	Fix string
	// Details are the single faults where there may be several.
	Details []Detail
	// Err is the cause; it may be nil.
	Err error
}

// Detail is one fault of several.
type Detail struct {
	// Where is a path into a document ("mappings[2].config.access"), an
	// object and field ("Account.Foo__c"), or the name of an option.
	Where string
	What  string
	Fix   string
}

// Error gives what is wrong and the details, one a line.
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.What)
	for _, d := range p.Details {
		b.WriteString("\n  ")
		if d.Where != "" {
			b.WriteString(d.Where + ": ")
		}
		b.WriteString(d.What)
		if d.Fix != "" {
			b.WriteString(" (" + d.Fix + ")")
		}
	}
	return b.String()
}

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Err }

func invalid(what, fix string, details ...Detail) *Problem {
	return &Problem{Kind: Invalid, What: what, Fix: fix, Details: details}
}

// problem turns what a lower room reports into a *Problem where a person can
// do something about it, and otherwise wraps it with what was being done.
func problem(doing string, err error) error {
	if err == nil {
		return nil
	}
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if p := fromConfig(err); p != nil {
		return p
	}
	// The org's first: a time-out of its network looks like one of the database.
	if e, ok := errors.AsType[*salesforce.Error](err); ok {
		return fromOrg(doing, e, err)
	}
	if p := fromDatabase(doing, err); p != nil {
		return p
	}
	switch {
	case errors.Is(err, access.ErrRefused):
		return &Problem{Kind: Refused, What: err.Error(), Fix: "Use a token or sign-in with a role that allows it.", Err: err}
	case errors.Is(err, store.ErrNotFound):
		return &Problem{Kind: NotFound, What: doing + ": not found", Err: err}
	case errors.Is(err, store.ErrConflict):
		return &Problem{Kind: Conflict, What: doing + ": " + err.Error(), Err: err}
	case errors.Is(err, store.ErrInvalid):
		return &Problem{Kind: Invalid, What: doing + ": " + err.Error(), Err: err}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func fromConfig(err error) *Problem {
	p := &Problem{Kind: Invalid, Err: err}
	if all, ok := errors.AsType[mapping.PathErrors](err); ok {
		p.What = "The configuration file has errors; nothing was changed."
		p.Fix = "Correct the places named and import the file again."
		for _, e := range all {
			p.Details = append(p.Details, Detail{Where: e.Path, What: e.Problem})
		}
		return p
	}
	if all, ok := errors.AsType[mapping.ConfigErrors](err); ok {
		p.What = "The configuration does not fit the org; nothing was changed."
		p.Fix = "Correct the mappings named, or give the integration user the rights that it lacks."
		for _, e := range all {
			where := e.Object
			if e.Field != "" {
				where += "." + e.Field
			}
			p.Details = append(p.Details, Detail{Where: where, What: e.Problem, Fix: e.Fix})
		}
		return p
	}
	if e, ok := errors.AsType[*schema.TableTakenError](err); ok {
		return &Problem{Kind: Conflict, What: e.Error(), Fix: "Nothing was changed.", Err: err}
	}
	if e, ok := errors.AsType[*schema.InUseError](err); ok {
		return &Problem{Kind: Conflict, What: "Nothing was dropped: " + e.Error() + ".", Fix: "Drop that first, or keep the tables.", Err: err}
	}
	if e, ok := errors.AsType[*schema.ColumnTypeError](err); ok {
		return &Problem{Kind: Conflict, What: e.Error(), Fix: "Nothing was changed.", Err: err}
	}
	return nil
}

func fromDatabase(doing string, err error) *Problem {
	if e, ok := errors.AsType[*target.RightsError](err); ok && e.Grant != "" {
		return &Problem{
			Kind: Invalid, What: "The database role lacks a right: " + e.What + ".",
			Fix: "Let a role that may do so run: " + e.Grant, Err: err,
		}
	}
	switch target.Classify(err) {
	case target.Unavailable, target.Retry:
		return &Problem{Kind: Unavailable, What: doing + ": " + target.Words(err), Err: err}
	case target.Rights, target.Schema:
		return &Problem{Kind: Invalid, What: doing + ": " + target.Words(err), Err: err}
	case target.Other, target.Value, target.Fenced:
	}
	if errors.Is(err, target.ErrCloned) || errors.Is(err, target.ErrControlRestored) {
		return &Problem{Kind: Conflict, What: err.Error(), Err: err}
	}
	return nil
}

func fromOrg(doing string, e *salesforce.Error, err error) *Problem {
	p := &Problem{Kind: Invalid, What: doing + ": " + telemetry.Redact(e.Error()), Err: err}
	switch {
	case errors.Is(err, context.Canceled):
		p.Kind = Unavailable
	case e.Code == salesforce.CodeRefused:
		p.Fix = "Give the https address of a Salesforce login host, or let the operator allow the host."
	case e.Code == salesforce.CodeBudget:
		p.Kind, p.Fix = Unavailable, "See syncline budget; syncline connection set daily_calls=N raises the ceiling."
	case e.Class == salesforce.Reauthorize:
		p.Fix = "Check the client ID, the client secret and that the app's run-as user may use the API."
	case e.Class == salesforce.RetrySoon, e.Class == salesforce.RetryLater:
		p.Kind, p.Fix = Unavailable, "Check the org's address and try again later."
	default:
		p.Fix = "Check the org's address and the rights of the integration user."
	}
	return p
}
