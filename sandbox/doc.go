// Package sandbox runs a sandbox org: a server on this machine that Salesforce
// clients take for Salesforce. [Start] wires the parts together:
//
//   - schema: objects, fields, describes
//   - soql: the query language
//   - org: records, transactions, quotas
//   - bulk: Bulk API 2.0 jobs
//   - events: change events and platform events, with their Avro schemas
//   - pubsub: the Pub/Sub API over gRPC
//   - rest: OAuth, REST and the control plane over HTTP
//   - judge: compares an org's dump with a database, for tests
//
// The sandbox shares no code with the product, so that both can't agree on the
// same mistake.
package sandbox
