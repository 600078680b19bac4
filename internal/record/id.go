package record

import "fmt"

const idSuffix = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

// ID18 gives the 18-character form of a record Id of 15 or 18 characters. The
// last three characters tell which of the first 15 are upper case; they are
// computed anew, so that an Id whose suffix came in lower case is the same Id.
// Anything that is no Id is an error.
func ID18(s string) (string, error) {
	out, ok := appendID18(make([]byte, 0, 18), s)
	if !ok {
		return "", fmt.Errorf("%q is no record Id: 15 or 18 letters and digits are wanted", cut(s))
	}
	return string(out), nil
}

func appendID18[S bytesOrString](dst []byte, s S) ([]byte, bool) {
	if len(s) != 15 && len(s) != 18 {
		return dst, false
	}
	start := len(dst)
	for _, c := range []byte(s[:15]) {
		if !isAlnum(c) {
			return dst[:start], false
		}
		dst = append(dst, c)
	}
	for _, c := range []byte(s[15:]) {
		if !isAlnum(c) {
			return dst[:start], false
		}
	}
	for group := range 3 {
		bits := 0
		for i := range 5 {
			if c := s[group*5+i]; c >= 'A' && c <= 'Z' {
				bits |= 1 << i
			}
		}
		dst = append(dst, idSuffix[bits])
	}
	return dst, true
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
