// Package mapping holds what a person configures: connections and mappings,
// the configuration file that Heroku Connect exports and imports, and the
// states that Heroku Connect shows, derived from three stored facts.
//
// A [Mapping] says which fields of one Salesforce object are kept equal with
// one table; [Resolve] joins it with the object's describe into a [Table], the
// form that reader, writer, verify and schema work with.
package mapping
