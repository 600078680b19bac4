// Package work is what the engine's turns do: it joins reader, writer and
// schema with the engine, which knows them as functions only.
//
// [New] makes a Work, and [Work.Handlers] gives the engine one handler per kind
// of turn. A Work remembers, per connection, when to try again what was refused
// for a passing cause, and numbers that wait to be stored. All that counts is
// in the two databases, so a node may lose it at any time.
package work
