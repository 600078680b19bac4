package schema

import (
	"strconv"
	"strings"
)

const varchar = "character varying"

// fits says whether a column of type have holds every value of type want.
func fits(have, want string) bool {
	return have == want || isText(have) && isText(want) && length(have) >= length(want)
}

// widens says whether have can become want without a rewrite and without loss.
func widens(have, want string) bool {
	return isText(have) && isText(want) && length(have) < length(want)
}

func isText(kind string) bool { return kind == "text" || strings.HasPrefix(kind, varchar) }

// length is n of varchar(n), and more than any of them for a type without.
func length(kind string) int {
	const unlimited = 1 << 30
	inner, ok := strings.CutPrefix(kind, varchar+"(")
	if !ok {
		return unlimited
	}
	n, err := strconv.Atoi(strings.TrimSuffix(inner, ")"))
	if err != nil {
		return unlimited
	}
	return n
}
