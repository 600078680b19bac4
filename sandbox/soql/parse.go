package soql

import (
	"slices"
	"strconv"
	"strings"
)

// maxQuery is the longest query in characters, maxDepth the deepest nesting of
// parentheses and calls.
const (
	maxQuery = 100_000
	maxDepth = 100
)

// parser turns tokens into a Query by recursive descent. The first fault stays
// in err; after it every token is the end of the text.
type parser struct {
	lex   lexer
	tok   token
	ahead []token
	err   *Error
	depth int
}

// Parse reads a query; its error is an *Error.
func Parse(text string) (*Query, error) {
	p, err := newParser(text)
	if err != nil {
		return nil, err
	}
	q := p.query(false)
	p.finish()
	if p.err != nil {
		return nil, p.err
	}
	return q, nil
}

// Condition is a parsed condition on its own.
type Condition struct {
	text string
	expr Expr
}

// ParseCondition reads what may stand after WHERE (validation rules, rewrites).
func ParseCondition(text string) (*Condition, error) {
	p, err := newParser(text)
	if err != nil {
		return nil, err
	}
	e := p.condition()
	p.finish()
	if p.err != nil {
		return nil, p.err
	}
	return &Condition{text: text, expr: e}, nil
}

func newParser(text string) (*parser, error) {
	if len(text) > maxQuery {
		return nil, malformed("SOQL statements cannot be longer than %d characters.", maxQuery)
	}
	p := &parser{lex: lexer{src: text}}
	p.advance()
	return p, nil
}

func (p *parser) advance() {
	if len(p.ahead) > 0 {
		p.tok, p.ahead = p.ahead[0], p.ahead[1:]
	} else {
		p.tok = p.lex.next()
	}
	if p.err == nil {
		p.err = p.lex.err
	}
}

// peek shows the token after the current one.
func (p *parser) peek() token {
	if len(p.ahead) == 0 {
		p.ahead = append(p.ahead, p.lex.next())
	}
	return p.ahead[0]
}

func (p *parser) fail(e *Error) {
	if p.err == nil {
		p.err = e
	}
	p.lex.pos, p.ahead = len(p.lex.src), nil
	p.tok = token{kind: tokEOF, pos: len(p.lex.src)}
}

func (p *parser) unexpected() { p.fail(malformed("unexpected token: '%s'", p.tok.shown())) }

func (p *parser) finish() {
	if p.err == nil && p.tok.kind != tokEOF {
		p.unexpected()
	}
}

// is reports whether the current token is a given keyword.
func (p *parser) is(word string) bool {
	return p.tok.kind == tokIdent && strings.EqualFold(p.tok.text, word)
}

func (p *parser) isOp(op string) bool { return p.tok.kind == tokOp && p.tok.text == op }

// accept takes the given keywords if they are next, all or none (two at most).
func (p *parser) accept(words ...string) bool {
	if !p.is(words[0]) {
		return false
	}
	if len(words) == 2 {
		if t := p.peek(); t.kind != tokIdent || !strings.EqualFold(t.text, words[1]) {
			return false
		}
		p.advance()
	}
	p.advance()
	return true
}

func (p *parser) acceptOp(op string) bool {
	if !p.isOp(op) {
		return false
	}
	p.advance()
	return true
}

func (p *parser) expect(word string) {
	if !p.accept(word) {
		p.unexpected()
	}
}

func (p *parser) expectOp(op string) {
	if !p.acceptOp(op) {
		p.unexpected()
	}
}

// enter guards against nesting that would exhaust the stack.
func (p *parser) enter() bool {
	if p.depth++; p.depth > maxDepth {
		p.fail(malformed("query is nested too deeply"))
		return false
	}
	return true
}

func (p *parser) leave() { p.depth-- }

// reserved words can't be names or aliases.
func reserved(word string) bool {
	return slices.Contains([]string{"SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "IN", "LIKE", "GROUP", "HAVING",
		"ORDER", "BY", "LIMIT", "OFFSET", "FOR", "ALL", "USING", "WITH", "ASC", "DESC", "NULLS", "INCLUDES",
		"EXCLUDES", "NULL", "TRUE", "FALSE", "WHEN", "THEN", "ELSE", "END", "UPDATE"}, strings.ToUpper(word))
}

func (p *parser) name() Name {
	if p.tok.kind != tokIdent || reserved(p.tok.text) && p.peek().text != "." { // Order.Name is a path
		p.unexpected()
		return Name{}
	}
	return p.word()
}

// objectName is a name, or one of the two words that are objects, too.
func (p *parser) objectName() Name {
	if p.is("Order") || p.is("Group") {
		return p.word()
	}
	return p.name()
}

// word takes the current word whatever it is.
func (p *parser) word() Name {
	n := Name{p.tok.text, p.tok.pos}
	p.advance()
	return n
}

// alias reads an optional alias.
func (p *parser) alias() string {
	if p.tok.kind == tokIdent && !reserved(p.tok.text) {
		return p.name().Text
	}
	return ""
}

// query reads a whole query; inner ones end at their closing parenthesis.
func (p *parser) query(inner bool) *Query {
	q := &Query{Text: p.lex.src, Limit: -1}
	if !p.enter() {
		return q
	}
	defer p.leave()
	p.expect("SELECT")
	q.Select = p.selectList(inner)
	p.expect("FROM")
	q.From = p.objectName()
	for p.acceptOp(".") { // FROM a.Contacts: the relationship alone matters
		q.From = p.name()
	}
	p.accept("AS")
	q.Alias = p.alias()
	if p.accept("USING") {
		p.expect("SCOPE")
		q.Scope = p.name().Text
	}
	p.clauses(q)
	return q
}

func (p *parser) clauses(q *Query) {
	if p.accept("WHERE") {
		q.Where = p.condition()
	}
	if p.accept("WITH") {
		p.with()
	}
	if p.accept("GROUP", "BY") {
		q.GroupBy = p.operands()
		if p.accept("HAVING") {
			q.Having = p.condition()
		}
	}
	if p.accept("ORDER", "BY") {
		q.OrderBy = p.orders()
	}
	if p.accept("LIMIT") {
		q.Limit = p.count()
	}
	if p.accept("OFFSET") {
		q.Offset = p.count()
	}
	for p.accept("FOR") {
		if !p.is("VIEW") && !p.is("REFERENCE") && !p.is("UPDATE") {
			p.unexpected()
			return
		}
		q.For = strings.ToUpper(p.tok.text)
		p.advance()
	}
	if p.accept("UPDATE") { // UPDATE TRACKING, UPDATE VIEWSTAT
		p.name()
	}
	q.AllRows = p.accept("ALL", "ROWS")
}

// with tolerates SECURITY_ENFORCED, USER_MODE and SYSTEM_MODE.
func (p *parser) with() {
	for _, mode := range []string{"SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE"} {
		if p.accept(mode) {
			return
		}
	}
	p.unexpected()
}

func (p *parser) count() int {
	n, err := strconv.Atoi(p.tok.text)
	if p.tok.kind != tokNumber || err != nil {
		p.unexpected()
		return 0
	}
	p.advance()
	return n
}

func (p *parser) selectList(inner bool) []SelectItem {
	var items []SelectItem
	for {
		items = append(items, p.selectItem(inner))
		if !p.acceptOp(",") {
			return items
		}
	}
}

func (p *parser) selectItem(inner bool) SelectItem {
	item := SelectItem{Pos: p.tok.pos}
	switch {
	case p.isOp("(") && !inner:
		p.advance()
		item.Sub = p.query(true)
		p.expectOp(")")
		return item
	case p.is("TYPEOF"):
		p.typeOf()
		item.TypeOf = true
		return item
	case p.is("FIELDS") && p.peek().text == "(":
		p.advance()
		p.advance()
		if !p.is("ALL") && !p.is("STANDARD") && !p.is("CUSTOM") {
			p.unexpected()
			return item
		}
		item.Fields = strings.ToUpper(p.tok.text)
		p.advance()
		p.expectOp(")")
		return item
	}
	item.Operand = p.operand()
	item.Alias = p.alias()
	return item
}

// typeOf skips TYPEOF … END.
func (p *parser) typeOf() {
	for p.tok.kind != tokEOF && !p.is("END") {
		p.advance()
	}
	p.expect("END")
}

func (p *parser) operands() []Operand {
	list := []Operand{p.operand()}
	for p.acceptOp(",") {
		list = append(list, p.operand())
	}
	return list
}

// operand reads a path or a call.
func (p *parser) operand() Operand {
	if !p.enter() {
		return &Path{Parts: []string{""}, At: []int{0}}
	}
	defer p.leave()
	first := p.name()
	if p.acceptOp("(") {
		call := &Call{Name: strings.ToUpper(first.Text), Pos: first.Pos}
		if !p.isOp(")") {
			call.Args = p.operands()
		}
		p.expectOp(")")
		return call
	}
	path := &Path{Parts: []string{first.Text}, At: []int{first.Pos}}
	for p.acceptOp(".") {
		n := p.name()
		path.Parts, path.At = append(path.Parts, n.Text), append(path.At, n.Pos)
	}
	return path
}

func (p *parser) orders() []Order {
	var list []Order
	for {
		o := Order{By: p.operand()}
		if p.accept("DESC") {
			o.Desc = true
		} else {
			p.accept("ASC")
		}
		if p.accept("NULLS") {
			if o.NullsLast = p.accept("LAST"); !o.NullsLast {
				p.expect("FIRST")
			}
		}
		list = append(list, o)
		if !p.acceptOp(",") {
			return list
		}
	}
}
