// Package sobject is the describe model: what Salesforce says of its objects
// and fields to the user that asks.
//
// An [Object] holds for one user at one moment. A field that the user may not
// see is simply not there, so a missing permission looks the same as a missing
// field, and nothing here can tell the two apart.
package sobject
