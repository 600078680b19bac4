package schema

import (
	"math"
	"strings"
	"time"
)

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

type formulaConst struct{ value Value }

func (n formulaConst) eval(FormulaEnv) Value { return n.value }

type formulaField struct{ path []string }

func (n formulaField) eval(env FormulaEnv) Value { return env.Field(n.path) }

// formulaBinary is an operation on two values.
type formulaBinary struct {
	op          string
	left, right formulaNode
}

func (n formulaBinary) eval(env FormulaEnv) Value {
	a := n.left.eval(env)
	switch n.op {
	case "&&":
		return Bool(a.True() && n.right.eval(env).True())
	case "||":
		return Bool(a.True() || n.right.eval(env).True())
	}
	b := n.right.eval(env)
	switch n.op {
	case "&":
		return Text(a.formulaText() + b.formulaText())
	case "=":
		return Bool(a == b)
	case "<>":
		return Bool(a != b)
	case "<", "<=", ">", ">=":
		return compareFormula(n.op, a, b)
	}
	return arithmetic(n.op, a, b)
}

func compareFormula(op string, a, b Value) Value {
	if a.IsNull() || b.IsNull() {
		return Bool(false)
	}
	c := a.Compare(b)
	switch op {
	case "<":
		return Bool(c < 0)
	case "<=":
		return Bool(c <= 0)
	case ">":
		return Bool(c > 0)
	}
	return Bool(c >= 0)
}

// arithmetic computes with numbers, joins texts by +, and counts days on dates
// (an instant moves by fractions of a day). Null makes the outcome null, except
// that + takes a null text for an empty one.
func arithmetic(op string, a, b Value) Value {
	switch {
	case op == "+" && (a.kind == KindText || b.kind == KindText):
		return Text(a.formulaText() + b.formulaText())
	case a.IsNull() || b.IsNull():
		return Null
	case a.kind == KindNumber && b.kind == KindNumber:
		return number(op, a.num, b.num)
	case a.kind == KindDate && b.kind == KindNumber && (op == "+" || op == "-"):
		return Date(int64(number(op, a.num, math.Trunc(b.num)).num))
	case a.kind == KindInstant && b.kind == KindNumber && (op == "+" || op == "-"):
		return Instant(int64(number(op, a.num, math.Round(b.num*secondsPerDay)).num))
	case a.kind == KindDate && b.kind == KindDate && op == "-":
		return Number(a.num - b.num)
	case a.kind == KindInstant && b.kind == KindInstant && op == "-":
		return Number((a.num - b.num) / secondsPerDay)
	}
	return Null
}

func number(op string, a, b float64) Value {
	switch op {
	case "+":
		return Number(a + b)
	case "-":
		return Number(a - b)
	case "*":
		return Number(a * b)
	case "/":
		if b == 0 {
			return Null
		}
		return Number(a / b)
	case "^":
		if p := math.Pow(a, b); !math.IsInf(p, 0) && !math.IsNaN(p) {
			return Number(p)
		}
	}
	return Null
}

func (v Value) formulaText() string {
	if v.IsNull() {
		return ""
	}
	return v.String()
}

// formulaUnary is - or NOT.
type formulaUnary struct {
	not bool
	of  formulaNode
}

func (n formulaUnary) eval(env FormulaEnv) Value {
	v := n.of.eval(env)
	if n.not {
		return Bool(!v.True())
	}
	if v.kind != KindNumber {
		return Null
	}
	return Number(-v.num)
}

type formulaCall struct {
	name string
	args []formulaNode
}

// formulaArgs tells how many arguments a function takes, least and most.
var formulaArgs = map[string][2]int{
	"IF": {3, 3}, "ISBLANK": {1, 1}, "ISNULL": {1, 1}, "BLANKVALUE": {2, 2}, "NULLVALUE": {2, 2},
	"TODAY": {0, 0}, "NOW": {0, 0}, "AND": {1, 30}, "OR": {1, 30}, "NOT": {1, 1}, "TEXT": {1, 1},
	"LEN": {1, 1}, "UPPER": {1, 1}, "LOWER": {1, 1}, "LEFT": {2, 2}, "ROUND": {2, 2}, "ABS": {1, 1},
	"YEAR": {1, 1}, "MONTH": {1, 1}, "DAY": {1, 1}, "ISPICKVAL": {2, 2},
}

func (n formulaCall) eval(env FormulaEnv) Value {
	switch n.name {
	case "IF":
		if n.args[0].eval(env).True() {
			return n.args[1].eval(env)
		}
		return n.args[2].eval(env)
	case "TODAY":
		return Date(env.Today())
	case "NOW":
		return Instant(env.Now())
	case "AND", "OR":
		for _, a := range n.args {
			if a.eval(env).True() == (n.name == "OR") {
				return Bool(n.name == "OR")
			}
		}
		return Bool(n.name == "AND")
	}
	args := make([]Value, len(n.args))
	for i, a := range n.args {
		args[i] = a.eval(env)
	}
	return applyFormula(n.name, args)
}

func applyFormula(name string, args []Value) Value {
	v := args[0]
	switch name {
	case "ISBLANK", "ISNULL":
		return Bool(v.IsNull())
	case "BLANKVALUE", "NULLVALUE":
		if v.IsNull() {
			return args[1]
		}
		return v
	case "NOT":
		return Bool(!v.True())
	case "ISPICKVAL":
		return Bool(v == args[1])
	case "TEXT":
		return Text(v.formulaText())
	case "LEN":
		return Number(float64(len([]rune(v.text))))
	case "UPPER":
		return Text(strings.ToUpper(v.text))
	case "LOWER":
		return Text(strings.ToLower(v.text))
	case "LEFT":
		r := []rune(v.text)
		return Text(string(r[:min(max(int(args[1].num), 0), len(r))]))
	case "ROUND":
		scale := math.Pow(10, math.Trunc(args[1].num))
		if v.kind != KindNumber || scale == 0 || math.IsInf(scale, 0) {
			return Null
		}
		return Number(math.Round(v.num*scale) / scale)
	case "ABS":
		if v.kind == KindNumber {
			return Number(math.Abs(v.num))
		}
	case "YEAR", "MONTH", "DAY":
		return datePart(name, v)
	}
	return Null
}

func datePart(name string, v Value) Value {
	if v.kind != KindDate {
		return Null
	}
	y, m, d := time.Unix(v.Days()*secondsPerDay, 0).UTC().Date()
	return Number(float64(map[string]int{"YEAR": y, "MONTH": int(m), "DAY": d}[name]))
}
