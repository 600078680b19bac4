package mapping

import "strings"

// ConfigError is one thing that is wrong with a mapping, told to the person
// who configures it.
type ConfigError struct {
	// Object is the API name of the object concerned.
	Object string
	// Field is the field concerned, "" if the error is the object's.
	Field string
	// Problem says what is wrong, Fix what to do about it.
	Problem, Fix string
}

// Error reads "Account.Foo__c: problem: fix".
func (e *ConfigError) Error() string {
	where := e.Object
	if e.Field != "" {
		where += "." + e.Field
	}
	if e.Fix == "" {
		return where + ": " + e.Problem
	}
	return where + ": " + e.Problem + "; " + e.Fix
}

// ConfigErrors is everything that is wrong with a configuration, so that it
// can be put right in one go. It is never empty when returned as an error.
type ConfigErrors []*ConfigError

// Error lists all of them, one a line.
func (e ConfigErrors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find a [*ConfigError].
func (e ConfigErrors) Unwrap() []error {
	out := make([]error, len(e))
	for i, one := range e {
		out[i] = one
	}
	return out
}

// orNil keeps an empty list from becoming a non-nil error.
func (e ConfigErrors) orNil() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// CheckDuplicates refuses a connection that maps an object twice: both
// mappings would own one table.
func CheckDuplicates(ms []Mapping) error {
	var errs ConfigErrors
	seen := make(map[string]bool, len(ms))
	for _, m := range ms {
		key := strings.ToLower(m.ObjectName)
		if seen[key] {
			errs = append(errs, &ConfigError{
				Object:  m.ObjectName,
				Problem: "the object is mapped twice",
				Fix:     "keep one mapping of it",
			})
		}
		seen[key] = true
	}
	return errs.orNil()
}
