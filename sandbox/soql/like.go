package soql

import "unicode"

// pattern is a compiled LIKE: % stands for any text, _ for one character.
type pattern struct {
	items []patternItem
	exact bool
}

type patternItem struct {
	r rune
	// any is %, one is _.
	any, one bool
}

func compilePattern(s string, exact bool) *pattern {
	p := &pattern{exact: exact}
	escaped := false
	for _, r := range s {
		switch {
		case escaped:
			escaped = false
			if r != '%' && r != '_' {
				p.items = append(p.items, patternItem{r: '\\'})
			}
			p.items = append(p.items, patternItem{r: p.fold(r)})
		case r == '\\':
			escaped = true
		case r == '%':
			p.items = append(p.items, patternItem{any: true})
		case r == '_':
			p.items = append(p.items, patternItem{one: true})
		default:
			p.items = append(p.items, patternItem{r: p.fold(r)})
		}
	}
	if escaped {
		p.items = append(p.items, patternItem{r: '\\'})
	}
	return p
}

func (p *pattern) fold(r rune) rune {
	if p.exact {
		return r
	}
	return unicode.ToLower(r)
}

// match walks text and pattern together and goes back to the last % on a miss.
func (p *pattern) match(s string) bool {
	text := []rune(s)
	i, j, star, from := 0, 0, -1, 0
	for i < len(text) {
		switch {
		case j < len(p.items) && p.items[j].any:
			star, from = j, i
			j++
		case j < len(p.items) && (p.items[j].one || p.items[j].r == p.fold(text[i])):
			i++
			j++
		case star >= 0:
			from++
			i, j = from, star+1
		default:
			return false
		}
	}
	for j < len(p.items) && p.items[j].any {
		j++
	}
	return j == len(p.items)
}
