// Package salesforce is the client of one org's REST API. It knows nothing of
// Postgres.
//
// A [Client] is built once per connection ([New]) and is safe for concurrent
// use. It takes its access token from a [TokenSource] (package auth has the one
// that every node shares), tells a [Meter] of each request that the org may
// have counted, and streams replies: rows go from the socket into a
// record.Batch, and no body is held whole.
//
// Reads are repeated inside the client, a few times and by the class of their
// error. Writes never are, unless it is sure that the org did not handle them;
// [OutcomeUnknown] tells a caller when a write may have been committed although
// no answer came.
//
// Every failure is an [*Error] whose [Class] says what to do about it. The
// table of codes is in catalogue.go.
//
// [NewHTTPClient] is the one dialer for everything that leaves the server on a
// user's word: https, public addresses, listed hosts, no redirects.
package salesforce
