// Package restjson translates between records and the JSON of Salesforce's
// REST API: query pages, Collections retrieve, and the bodies of writes.
//
// A [Decoder] streams: it holds one record of a reply at a time and encodes
// each value straight into the image that [record.Batch] keeps. A reply either
// adds all of its records to the batch or none.
package restjson
