// Package access says who somebody is and what they may do.
//
// A face turns what a request carries (an API token, a session's cookie) into
// a [Principal] by [Authenticator]; package manage asks [Principal.Check]
// before each use case. A role is for the whole server or for one connection,
// and each role includes the one below: a viewer looks, an operator also runs
// things, an admin also changes what is configured and who may do what.
package access
