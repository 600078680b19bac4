// Package rest is the HTTP face of a sandbox org: OAuth, the REST resources
// under /services/data, and the control plane under /_sandbox.
//
// [New] builds a [Server] around an org.Org; the Server is an http.Handler.
// Each request passes, in order: path normalisation, the control plane or
// OAuth endpoints where the path is theirs, the session check, fault
// injection, the daily quota, and then its resource. Replies carry the org's
// Date and the Sforce-Limit-Info header. Call errors are JSON arrays as in
// Salesforce; row errors inside collections carry statusCode.
package rest
