// Package clients has no code of its own: its tests drive a sandbox org with
// clients that other people wrote for Salesforce, unmodified from their
// registries. Each client has a directory with what pins its version.
package clients
