// Package bulk reads large results through query jobs of Bulk API 2.0, and
// writes many records through ingest jobs.
//
// A [Client] creates a job ([Client.Create]), asks how it stands
// ([Client.Job], with [Backoff] between two questions), lists the links of its
// pages, up to five at once ([Client.Pages]), and streams a page into batches
// ([Client.ReadPage]). A link can be read again as long as the job exists, so
// whoever keeps job, links and rows done can go on after any crash.
//
// Every page is checked: its header names the fields, and it has as many
// records as the org says; one that is short is a [*ShortError].
//
// An ingest job is made in three calls: [Client.CreateIngest], [Client.Upload]
// of a [Sheet], [Client.Complete]. Only the last one changes records, and before
// it the job's id is known: whoever stores it in time can tell after any crash
// whether the job began ([Client.IngestJob]) and what became of each row
// ([Client.Results]). Results come in no order; a [Finder] puts them to rows.
//
// Errors are those of package salesforce, with two questions about them:
// [Refused] (the query has to go another way) and [Gone] (the job can't be
// used any more). A job that ended without results is a [*JobError].
//
// A client holds no state and is safe for concurrent use. Jobs are the org's:
// they end by [Client.Delete], or after seven days.
package bulk
