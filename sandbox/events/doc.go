// Package events is the event bus of a sandbox org: change events of selected
// objects and platform events, with their Avro schemas. It knows nothing of
// gRPC; package pubsub is its face.
//
// # Main types
//
// A [Bus] watches an org. Each commit becomes change events: one for each
// record, or one for several that changed alike. The bus keeps events for 72
// hours of the org's clock; readers ask for what follows a replay Id
// ([Bus.After]) and wait for more ([Bus.Wait]). An [Event] holds the record's
// version and is put into Avro when it is read ([Event.Payload]), without the
// fields that its reader may not see. A [Layout] is the Avro form of one
// object's events at one time.
//
// # Life cycle
//
// [New] begins to watch; a Bus lives as long as its org and needs no closing.
package events
