package mapping

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxFilter bounds a filter: it is part of every query of the mapping, and
// those travel in URLs.
const maxFilter = 4000

// maxFilterDepth bounds the parentheses that a filter nests.
const maxFilterDepth = 50

// CheckFilter says whether text is one SOQL condition, as stands after WHERE,
// and nothing more: no second clause, no comment, nothing left open. So it can
// be put in parentheses and joined with other conditions. Whether its fields
// exist is for the org to say. The empty text is no filter and fine.
func CheckFilter(text string) error {
	if text == "" {
		return nil
	}
	if len(text) > maxFilter {
		return fmt.Errorf("it has %d bytes; %d is the most", len(text), maxFilter)
	}
	if !utf8.ValidString(text) {
		return errors.New("it is not valid UTF-8")
	}
	tokens, err := lexFilter(text)
	if err != nil {
		return err
	}
	p := filterParser{tokens: tokens}
	if err := p.condition(0); err != nil {
		return err
	}
	if t := p.peek(); t.kind != endToken {
		return t.unexpected("AND, OR or the end")
	}
	return nil
}

// clauses are words that begin another clause of a query. A field can't have
// such a name.
var clauses = map[string]bool{
	"SELECT": true, "FROM": true, "WHERE": true, "USING": true, "WITH": true, "GROUP": true, "HAVING": true,
	"ORDER": true, "LIMIT": true, "OFFSET": true, "FOR": true, "UPDATE": true, "ALL": true, "TYPEOF": true,
}

// filterParser reads the tokens of a condition by SOQL's grammar.
type filterParser struct {
	tokens []filterToken
	at     int
}

func (p *filterParser) peek() filterToken { return p.tokens[p.at] }

// next takes a token; the last one, the end, stays.
func (p *filterParser) next() filterToken {
	t := p.tokens[p.at]
	if t.kind != endToken {
		p.at++
	}
	return t
}

func (p *filterParser) take(word string) bool {
	if !p.peek().is(word) {
		return false
	}
	p.next()
	return true
}

func (p *filterParser) want(symbol string) error {
	if t := p.next(); t.kind != symbolToken || t.text != symbol {
		return t.unexpected(symbol)
	}
	return nil
}

// condition reads terms that AND and OR join.
func (p *filterParser) condition(depth int) error {
	if depth > maxFilterDepth {
		return fmt.Errorf("it nests more than %d parentheses", maxFilterDepth)
	}
	for {
		if err := p.term(depth); err != nil {
			return err
		}
		if !p.take("AND") && !p.take("OR") {
			return nil
		}
	}
}

func (p *filterParser) term(depth int) error {
	for p.take("NOT") {
	}
	if t := p.peek(); t.kind == symbolToken && t.text == "(" {
		p.next()
		if err := p.condition(depth + 1); err != nil {
			return err
		}
		return p.want(")")
	}
	if err := p.operand(depth); err != nil {
		return err
	}
	return p.comparison(depth)
}

// operand reads a field, or a function of one.
func (p *filterParser) operand(depth int) error {
	t := p.next()
	if t.kind != wordToken || !t.startsAsName() {
		return t.unexpected("a field")
	}
	if clauses[strings.ToUpper(t.text)] {
		return t.clause()
	}
	if next := p.peek(); next.kind == symbolToken && next.text == "(" {
		return p.list(depth+1, func() error { return p.argument(depth + 1) })
	}
	return nil
}

// argument is what a function takes: a field, a function or a value.
func (p *filterParser) argument(depth int) error {
	if depth > maxFilterDepth {
		return fmt.Errorf("it nests more than %d parentheses", maxFilterDepth)
	}
	if t := p.peek(); t.kind == wordToken && t.startsAsName() {
		return p.operand(depth)
	}
	return p.value()
}

// list reads what stands in parentheses, separated by commas.
func (p *filterParser) list(depth int, one func() error) error {
	if depth > maxFilterDepth {
		return fmt.Errorf("it nests more than %d parentheses", maxFilterDepth)
	}
	if err := p.want("("); err != nil {
		return err
	}
	for {
		if err := one(); err != nil {
			return err
		}
		t := p.next()
		if t.kind != symbolToken || t.text != "," && t.text != ")" {
			return t.unexpected(") or a comma")
		}
		if t.text == ")" {
			return nil
		}
	}
}

func (p *filterParser) comparison(depth int) error {
	t := p.next()
	switch {
	case t.kind == symbolToken && strings.ContainsAny(t.text, "=<>"):
		return p.value()
	case t.is("LIKE"):
		return p.value()
	case t.is("INCLUDES"), t.is("EXCLUDES"):
		return p.list(depth+1, p.value)
	case t.is("NOT"):
		if !p.take("IN") {
			return p.peek().unexpected("IN")
		}
		return p.in(depth)
	case t.is("IN"):
		return p.in(depth)
	}
	if t.kind == wordToken && clauses[strings.ToUpper(t.text)] {
		return t.clause()
	}
	return t.unexpected("an operator such as =, LIKE or IN")
}

// in reads a list of values or a query in parentheses.
func (p *filterParser) in(depth int) error {
	if p.at+1 < len(p.tokens) && p.tokens[p.at+1].is("SELECT") {
		return p.query(depth + 1)
	}
	return p.list(depth+1, p.value)
}

// query passes over a sub-select: its parentheses bound whatever it holds.
func (p *filterParser) query(depth int) error {
	if err := p.want("("); err != nil {
		return err
	}
	for open := 1; ; {
		t := p.next()
		switch {
		case t.kind == endToken:
			return t.unexpected(")")
		case t.kind != symbolToken:
		case t.text == "(":
			if open++; depth+open > maxFilterDepth {
				return fmt.Errorf("it nests more than %d parentheses", maxFilterDepth)
			}
		case t.text == ")":
			if open--; open == 0 {
				return nil
			}
		}
	}
}

func (p *filterParser) value() error {
	t := p.next()
	switch {
	case t.kind == textToken:
		return nil
	case t.kind == wordToken && clauses[strings.ToUpper(t.text)]:
		return t.clause()
	case t.kind == wordToken:
		return nil
	}
	return t.unexpected("a value")
}
