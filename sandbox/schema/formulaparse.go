package schema

import (
	"fmt"
	"strconv"
	"strings"
)

// maxFormulaDepth is the deepest nesting of a formula.
const maxFormulaDepth = 64

// CompileFormula reads a formula: fields and parents' fields, literals, the
// operators & + - * / ^ = == <> != < <= > >= && ||, and functions (IF, ISBLANK,
// TODAY and others).
func CompileFormula(text string) (*Program, error) {
	p := &formulaParser{src: text}
	root := p.expression(0)
	if p.skip(); p.err == nil && p.pos < len(p.src) {
		p.fail("unexpected %q", p.src[p.pos:])
	}
	if p.err != nil {
		return nil, fmt.Errorf("formula %q: %w", text, p.err)
	}
	return &Program{root: root}, nil
}

// formulaParser is a Pratt parser straight over the text.
type formulaParser struct {
	src   string
	pos   int
	depth int
	err   error
}

func (p *formulaParser) fail(format string, args ...any) formulaNode {
	if p.err == nil {
		p.err = fmt.Errorf(format+" at position %d", append(args, p.pos+1)...)
	}
	return formulaConst{}
}

func (p *formulaParser) skip() {
	for p.pos < len(p.src) && strings.IndexByte(" \t\r\n", p.src[p.pos]) >= 0 {
		p.pos++
	}
}

// formulaOperators in order of length, with their binding power and canonical
// form.
var formulaOperators = []struct {
	text, op string
	power    int
}{
	{"&&", "&&", 2}, {"||", "||", 1}, {"<>", "<>", 3}, {"!=", "<>", 3}, {"==", "=", 3}, {"<=", "<=", 4}, {">=", ">=", 4},
	{"=", "=", 3}, {"<", "<", 4}, {">", ">", 4}, {"&", "&", 5}, {"+", "+", 5}, {"-", "-", 5}, {"*", "*", 6}, {"/", "/", 6}, {"^", "^", 7},
}

func (p *formulaParser) expression(least int) formulaNode {
	if p.depth++; p.depth > maxFormulaDepth {
		return p.fail("nested too deeply")
	}
	defer func() { p.depth-- }()
	left := p.primary()
	for p.err == nil {
		op, power, size := p.operator()
		if size == 0 || power <= least {
			break
		}
		p.pos += size
		left = formulaBinary{op: op, left: left, right: p.expression(power)}
	}
	return left
}

func (p *formulaParser) operator() (op string, power, size int) {
	p.skip()
	for _, o := range formulaOperators {
		if strings.HasPrefix(p.src[p.pos:], o.text) {
			return o.op, o.power, len(o.text)
		}
	}
	return "", 0, 0
}

func (p *formulaParser) primary() formulaNode {
	p.skip()
	if p.pos == len(p.src) {
		return p.fail("unexpected end")
	}
	switch c := p.src[p.pos]; {
	case c == '(':
		p.pos++
		n := p.expression(0)
		p.expect(')')
		return n
	case c == '-':
		p.pos++
		return formulaUnary{of: p.expression(6)}
	case c == '!':
		p.pos++
		return formulaUnary{not: true, of: p.expression(6)}
	case c == '\'' || c == '"':
		return p.text(c)
	case '0' <= c && c <= '9' || c == '.':
		return p.number()
	case isFormulaLetter(c):
		return p.word()
	}
	return p.fail("unexpected %q", p.src[p.pos:])
}

func (p *formulaParser) expect(c byte) bool {
	p.skip()
	if p.pos < len(p.src) && p.src[p.pos] == c {
		p.pos++
		return true
	}
	p.fail("missing %q", string(c))
	return false
}

func (p *formulaParser) text(quote byte) formulaNode {
	var b strings.Builder
	for i := p.pos + 1; i < len(p.src); i++ {
		switch c := p.src[i]; {
		case c == '\\' && i+1 < len(p.src):
			i++
			b.WriteByte(p.src[i])
		case c == quote:
			p.pos = i + 1
			return formulaConst{Text(b.String())}
		default:
			b.WriteByte(c)
		}
	}
	return p.fail("unclosed text")
}

func (p *formulaParser) number() formulaNode {
	start := p.pos
	for p.pos < len(p.src) && strings.IndexByte("0123456789.", p.src[p.pos]) >= 0 {
		p.pos++
	}
	n, err := strconv.ParseFloat(p.src[start:p.pos], 64)
	if err != nil {
		return p.fail("bad number %q", p.src[start:p.pos])
	}
	return formulaConst{Number(n)}
}

// word reads a field path, a function or a literal.
func (p *formulaParser) word() formulaNode {
	start := p.pos
	for p.pos < len(p.src) && (isFormulaLetter(p.src[p.pos]) || p.src[p.pos] == '.' || '0' <= p.src[p.pos] && p.src[p.pos] <= '9') {
		p.pos++
	}
	word := p.src[start:p.pos]
	p.skip()
	if p.pos < len(p.src) && p.src[p.pos] == '(' {
		return p.call(strings.ToUpper(word))
	}
	switch strings.ToUpper(word) {
	case "NULL":
		return formulaConst{}
	case "TRUE":
		return formulaConst{Bool(true)}
	case "FALSE":
		return formulaConst{Bool(false)}
	}
	path := strings.Split(word, ".")
	for _, part := range path {
		if part == "" {
			return p.fail("bad field path %q", word)
		}
	}
	return formulaField{path: path}
}

func (p *formulaParser) call(name string) formulaNode {
	count, known := formulaArgs[name]
	if !known {
		return p.fail("unknown function %s", name)
	}
	p.pos++
	var args []formulaNode
	for p.skip(); p.err == nil; {
		if len(args) == 0 && p.pos < len(p.src) && p.src[p.pos] == ')' {
			break
		}
		args = append(args, p.expression(0))
		if p.skip(); p.pos >= len(p.src) || p.src[p.pos] != ',' {
			break
		}
		p.pos++
	}
	if p.expect(')'); p.err == nil && (len(args) < count[0] || len(args) > count[1]) {
		return p.fail("%s takes %d to %d arguments, not %d", name, count[0], count[1], len(args))
	}
	return formulaCall{name: name, args: args}
}

func isFormulaLetter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}
