package schema

// Program is a compiled formula.
type Program struct{ root formulaNode }

// FormulaEnv gives a formula what it refers to.
type FormulaEnv interface {
	// Field is the value at a path: relationships, then a field.
	Field(path []string) Value
	// Today is the day in the user's zone, since 1970-01-01.
	Today() int64
	// Now is the present second, since 1970 UTC.
	Now() int64
}

// Eval computes the formula for one record.
func (p *Program) Eval(env FormulaEnv) Value { return p.root.eval(env) }

type formulaNode interface{ eval(env FormulaEnv) Value }
