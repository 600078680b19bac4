// Package client is the Go client of Syncline's own HTTP API, the one that the
// command line uses. It imports nothing of the server.
//
//	c := client.New("http://127.0.0.1:8490", token)
//	status, err := c.Status(ctx, "demo")
//
// A connection is named by its ID, resource name, name or app name; "" is the
// only one there is. What the server refuses comes back as an [*Error], which
// says what to do in Fix.
package client
