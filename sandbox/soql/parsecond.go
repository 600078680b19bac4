package soql

import (
	"strconv"
	"strings"
)

// condition reads terms joined by AND or by OR. As in Salesforce, the two can't
// be mixed without parentheses.
func (p *parser) condition() Expr {
	first := p.term()
	joint := ""
	for _, word := range []string{"AND", "OR"} {
		if p.is(word) {
			joint = word
		}
	}
	if joint == "" {
		return first
	}
	l := &Logic{Or: joint == "OR", Parts: []Expr{first}}
	for p.accept(joint) {
		l.Parts = append(l.Parts, p.term())
	}
	if p.is("AND") || p.is("OR") {
		p.unexpected()
	}
	return l
}

func (p *parser) term() Expr {
	if !p.enter() {
		return &Logic{}
	}
	defer p.leave()
	if p.accept("NOT") {
		return &Not{p.term()}
	}
	if p.acceptOp("(") {
		e := p.condition()
		p.expectOp(")")
		return e
	}
	return p.compare()
}

func (p *parser) compare() Expr {
	c := &Compare{Pos: p.tok.pos, Left: p.operand()}
	c.Op = p.comparator()
	switch c.Op {
	case "IN", "NOT IN", "INCLUDES", "EXCLUDES":
		p.expectOp("(")
		if p.is("SELECT") {
			c.Sub = p.query(true)
		} else {
			c.List = p.literals()
		}
		p.expectOp(")")
	default:
		c.List = []Literal{p.literal()}
	}
	return c
}

func (p *parser) comparator() string {
	if p.tok.kind == tokOp {
		op := p.tok.text
		switch op {
		case "<>":
			op = "!="
		case "=", "!=", "<", "<=", ">", ">=":
		default:
			p.unexpected()
			return ""
		}
		p.advance()
		return op
	}
	if p.accept("NOT", "IN") {
		return "NOT IN"
	}
	for _, word := range []string{"LIKE", "IN", "INCLUDES", "EXCLUDES"} {
		if p.accept(word) {
			return word
		}
	}
	p.unexpected()
	return ""
}

func (p *parser) literals() []Literal {
	list := []Literal{p.literal()}
	for p.acceptOp(",") {
		list = append(list, p.literal())
	}
	return list
}

func (p *parser) literal() Literal {
	lit := Literal{Text: p.tok.text, Pos: p.tok.pos}
	switch p.tok.kind {
	case tokString:
		lit.Kind = LitString
	case tokNumber:
		lit.Kind = LitNumber
	case tokDate:
		lit.Kind = LitDate
	case tokDateTime:
		lit.Kind = LitDateTime
	case tokTime:
		lit.Kind = LitTime
	case tokIdent:
		return p.wordLiteral(lit)
	case tokOp:
		if p.isOp("-") || p.isOp("+") {
			sign := p.tok.text
			if p.advance(); p.tok.kind == tokNumber {
				lit.Kind, lit.Text = LitNumber, strings.TrimPrefix(sign, "+")+p.tok.text
				break
			}
		}
		p.unexpected()
		return lit
	default:
		p.unexpected()
		return lit
	}
	p.advance()
	return lit
}

// wordLiteral reads null, true, false and date literals.
func (p *parser) wordLiteral(lit Literal) Literal {
	word := strings.ToUpper(lit.Text)
	lit.Text = word
	switch word {
	case "NULL":
		lit.Kind = LitNull
	case "TRUE", "FALSE":
		lit.Kind = LitBool
	default:
		counted, known := periods[word]
		if !known {
			p.unexpected()
			return lit
		}
		lit.Kind = LitPeriod
		if counted {
			p.advance()
			if !p.isOp(":") {
				p.unexpected()
				return lit
			}
			p.advance()
			n, err := strconv.Atoi(p.tok.text)
			if p.tok.kind != tokNumber || err != nil {
				p.unexpected()
				return lit
			}
			lit.N = n
		}
	}
	p.advance()
	return lit
}
