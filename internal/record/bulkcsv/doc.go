// Package bulkcsv reads records from the CSV of Bulk API 2.0 results.
//
// A [Decoder] streams: it holds a window of the input, mostly 128 KiB and never
// less than one record, and encodes each value straight into the image that
// [record.Batch] keeps. The format is RFC 4180 with a comma; lines end in LF or
// CRLF, and line ends inside quotes are part of the value. An empty value,
// quoted or not, is NULL. Each page begins with a header, which must name the
// layout's fields in their order.
//
// A decoder belongs to one goroutine and one page; [Decoder.Reset] takes the
// next. There is nothing to close.
package bulkcsv
