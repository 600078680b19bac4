package bulk

import (
	"errors"
	"fmt"

	"github.com/synclinehq/syncline/internal/salesforce"
)

// JobError says that a job ended without results.
type JobError struct{ Job Job }

// Error gives the job's state and the org's words.
func (e *JobError) Error() string {
	text := fmt.Sprintf("query job %s of %s: %s", e.Job.ID, e.Job.Object, e.Job.State)
	if e.Job.Message != "" {
		text += ": " + e.Job.Message
	}
	return text
}

// ShortError says that a page, or a whole job, brought fewer or more records
// than the org had announced. Nothing is taken for complete.
type ShortError struct{ Announced, Read int }

// Error gives both numbers.
func (e *ShortError) Error() string {
	return fmt.Sprintf("the org announced %d records and sent %d", e.Announced, e.Read)
}

var (
	errVersion = fmt.Errorf("pages can be listed from API version %d.0 on", minVersion)
	errNoCount = errors.New("the page has no Sforce-NumberOfRecords, and without it nobody can tell whether it is whole; " +
		"look for a proxy that removes it")
)

// refusals are the codes with which the org refuses to create a job for
// reasons that do not concern REST.
var refusals = []string{
	"API_ERROR",         // compound fields, functions, View All needed …
	"INVALIDENTITY",     // an object without Bulk
	"FEATURENOTENABLED", // an org without Bulk
	"EXCEEDEDQUOTA",     // query jobs of 24 hours
	"CLIENTINPUTERROR",
	"NOT_FOUND",
}

// Refused says of an error of [Client.Create] that Bulk API doesn't take this
// query, or none today, and that REST may.
func Refused(err error) bool {
	return errors.Is(err, errVersion) || salesforce.IsCode(err, refusals...)
}

// Gone says that a job can't be used any more: dropped, aborted, or of another
// API version. What is left of it has to be read by another.
func Gone(err error) bool {
	return salesforce.IsCode(err, "NOT_FOUND", "INVALIDJOBSTATE", "INVALIDLOCATOR", "INVALIDJOB", "INVALIDVERSION")
}
