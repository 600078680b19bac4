// Package auth gets and renews the sessions of an org: the OAuth flows, and
// [Source], the token source that all nodes share.
//
// Tokens live in a [Vault], which locks a connection's grant while it is being
// renewed. So one node at a time renews, a token that rotates is used once, and
// the new one is stored before anybody uses it.
//
// Failures of the token endpoint are *salesforce.Error with Salesforce's words;
// those that only a person can cure are of class salesforce.Reauthorize.
package auth
