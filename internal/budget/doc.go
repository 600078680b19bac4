// Package budget counts the API calls that Syncline makes, per connection, by
// mapping, kind and purpose.
//
// A [Ledger] counts in memory, so that a charge costs nanoseconds, and hands
// its counts to a [Sink] (the control store) once a second, in one statement.
// A flush that fails keeps its counts for the next; one whose outcome is not
// known is counted again. So the stored count is never below the calls made
// but for the last second before a kill.
//
// # The governor
//
// A governor will sit in front of the ledger and close that last second: calls
// are reserved in blocks from the org's daily allowance (one row per org in the
// control store, shared by all connections and nodes) before they are made, and
// a block whose node died is counted as spent. [Ledger.Charge] then takes from
// the block in hand, and a client asks for leave before it sends; nothing else
// of the ledger changes. With kills the stored count is then never below the
// org's, and at most one block per kill above it.
package budget
