// Package bulk is Bulk API 2.0 of a sandbox org: query jobs and ingest jobs.
// It knows nothing of HTTP; package rest is its face.
//
// # Main types
//
// A [Jobs] holds the jobs of one org. A query job takes a snapshot of what its
// query finds and gives it out as CSV in pages ([Job.Write]); an ingest job
// takes one CSV upload and saves its rows in transactions of 200 through the
// org's save pipeline, and then has results by row ([Job.WriteResults]).
// [Format] is the shape of the CSV both ways.
//
// # Life cycle
//
// A job runs by itself once it is ready: a query job from its creation, an
// ingest job when its upload is declared complete. It passes UploadComplete and
// InProgress and ends JobComplete, Failed or Aborted. Jobs vanish seven days
// after their creation by the org's clock. Nothing needs closing.
package bulk
