// Package pubsub is the Pub/Sub API of a sandbox org: the gRPC service
// eventbus.v1.PubSub over the org's event bus.
//
// [New] makes the handler; it speaks gRPC over HTTP/2, in plain text (h2c) or
// behind TLS with the certificate of [SelfSigned]. Sessions, quotas and faults
// are those of the REST server. Each stream has one goroutine that reads what
// the client asks for and one that sends; both end with the call.
package pubsub
