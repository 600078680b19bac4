package reader

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/target"
)

// MappingError is what went wrong with one mapping. [salesforce.ClassOf] and
// [target.Classify] see through it.
type MappingError struct {
	Mapping uuid.UUID
	Object  string
	Err     error
}

// Error names the object.
func (e *MappingError) Error() string { return e.Object + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *MappingError) Unwrap() error { return e.Err }

// wrap says which mapping an error concerns and what was being done.
func wrap(t *mapping.Table, doing string, err error) error {
	if _, ok := errors.AsType[*MappingError](err); ok {
		return err
	}
	return &MappingError{Mapping: t.Mapping.ID, Object: t.Object, Err: fmt.Errorf("%s: %w", doing, err)}
}

// ShortError means that the pages of a query held fewer or more records than
// the org had announced. Nothing is taken for complete; the query is made
// again.
type ShortError struct {
	// Announced is totalSize, Read the number of records that came.
	Announced, Read int
}

// Error gives both numbers.
func (e *ShortError) Error() string {
	return fmt.Sprintf("the org announced %d records and sent %d; they are read again", e.Announced, e.Read)
}

var (
	errNoDate = errors.New("the org's replies have no Date header, and without the org's clock changes cannot be read safely; " +
		"look for a proxy that removes it")
	errEmptyPage = errors.New("the org sent an empty page and announced more")
)

// concernsAll says whether an error of one mapping would meet the others just
// the same, so that the poll as a whole has failed.
func concernsAll(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, target.ErrFenced) {
		return true
	}
	switch salesforce.ClassOf(err) {
	case salesforce.Reauthorize, salesforce.RetryLater:
		return true
	case salesforce.RetrySoon, salesforce.Redescribe, salesforce.AskPerson:
		return false
	}
	return target.Classify(err) == target.Unavailable
}
