package soql

import "strings"

// Query is a parsed query: names are as written, nothing is resolved.
type Query struct {
	Text    string
	Select  []SelectItem
	From    Name
	Alias   string
	Scope   string
	Where   Expr
	GroupBy []Operand
	Having  Expr
	OrderBy []Order
	Limit   int // -1: none
	Offset  int
	// For is VIEW, REFERENCE or UPDATE, "" for none.
	For     string
	AllRows bool
}

// Name is a word of the query and its byte position.
type Name struct {
	Text string
	Pos  int
}

// SelectItem is one thing selected; one of its parts is set.
type SelectItem struct {
	Operand Operand
	// Sub is a child sub-query.
	Sub *Query
	// Fields is ALL, STANDARD or CUSTOM for FIELDS(…).
	Fields string
	// TypeOf is a TYPEOF clause, which parses but can't be bound yet.
	TypeOf bool
	Alias  string
	Pos    int
}

// Operand is a field path or a function call.
type Operand interface{ position() int }

// Path is a field, with the relationships that lead to it.
type Path struct {
	Parts []string
	// At holds the byte position of each part.
	At []int
}

func (p *Path) position() int  { return p.At[0] }
func (p *Path) String() string { return strings.Join(p.Parts, ".") }

// Call is a function of operands: COUNT(Id), CALENDAR_YEAR(CloseDate).
type Call struct {
	Name string
	Args []Operand
	Pos  int
}

func (c *Call) position() int { return c.Pos }

// Expr is a condition.
type Expr interface{ expr() }

// Logic joins two or more conditions by AND or OR.
type Logic struct {
	Or    bool
	Parts []Expr
}

// Not turns a condition round.
type Not struct{ Of Expr }

// Compare holds an operand against one or more literals or a sub-query.
type Compare struct {
	Left Operand
	// Op is one of = != < <= > >= LIKE IN "NOT IN" INCLUDES EXCLUDES.
	Op   string
	List []Literal
	// Sub is the query of a semi-join or anti-join.
	Sub *Query
	Pos int
}

func (*Logic) expr()   {}
func (*Not) expr()     {}
func (*Compare) expr() {}

// LiteralKind tells how a literal was written.
type LiteralKind uint8

// The literals of a condition.
const (
	LitNull LiteralKind = iota
	LitBool
	LitNumber
	LitString
	LitDate
	LitDateTime
	LitTime
	// LitPeriod is a date literal: TODAY, LAST_N_DAYS:3.
	LitPeriod
)

// Literal is a value as written. N is the number of a period (LAST_N_DAYS:N).
type Literal struct {
	Kind LiteralKind
	Text string
	N    int
	Pos  int
}

// Order is one key of ORDER BY.
type Order struct {
	By   Operand
	Desc bool
	// NullsLast as asked for; nulls come first by default.
	NullsLast bool
}
