// Package rowstates holds docs/row-states.md to what happens: it brings a row
// and its record into each state, lets each event happen, waits until both
// sides are at rest, and compares what it finds with the table.
//
// It has tests only: reader and writer, which do not know each other, work here
// on one real database and one sandbox org.
package rowstates
