// Package schema is the object model of the sandbox org: which objects exist,
// which fields they have, and how a describe call shows them.
//
// A Catalog holds the objects. Every Object and Field that a Catalog hands out
// is immutable: a schema edit at run time (add, drop, rename, retype a field)
// publishes a new Object under the same name, so a request that has looked an
// object up keeps one consistent view of it until it ends.
//
// Each field has a Slot, a small number that stays the field's own for the life
// of the Catalog and is never given to another field of that object. Stores keep
// values by slot; a describe shows fields in the order of Object.Fields.
//
// Catalog.Describe and Catalog.DescribeGlobal render the model as the REST API
// shows it, LoadJSON extends it from a file.
//
// Value is the typed value of one field of one record.
package schema
