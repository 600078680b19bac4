package org

import (
	"fmt"
	"strings"
)

const (
	base62     = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	checkChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
	instance   = "Hs0"
)

// MakeID builds the 18-character Id of the n-th record with a key prefix of
// three characters. Ids of one prefix sort bytewise in the order of n.
func MakeID(prefix string, n uint64) string {
	b := makeID(prefix, n)
	return string(b[:])
}

func makeID(prefix string, n uint64) (b [18]byte) {
	copy(b[:3], prefix)
	copy(b[3:6], instance)
	for i := 14; i >= 6; i-- {
		b[i] = base62[n%62]
		n /= 62
	}
	checksum(b[:])
	return b
}

// numberOf is the running number of an 18-character Id that MakeID made with
// a prefix.
func numberOf(prefix, id string) (uint64, bool) {
	if len(id) != 18 || id[:3] != prefix {
		return 0, false
	}
	n, err := sequence(id)
	if err != nil {
		return 0, false
	}
	b := makeID(prefix, n)
	return n, string(b[:]) == id
}

// checksum fills bytes 15 to 17 of an 18-byte Id: each is five bits that say
// which of five characters are upper case.
func checksum(b []byte) {
	for chunk := range 3 {
		bits := 0
		for i := range 5 {
			if c := b[chunk*5+i]; c >= 'A' && c <= 'Z' {
				bits |= 1 << i
			}
		}
		b[15+chunk] = checkChars[bits]
	}
}

// NormalizeID turns a 15- or 18-character Id into its 18-character form and
// says whether it is well formed. A wrong checksum is not well formed; the
// case of the three checksum characters does not matter.
func NormalizeID(s string) (string, bool) {
	if len(s) != 15 && len(s) != 18 {
		return "", false
	}
	for i := range 15 {
		if strings.IndexByte(base62, s[i]) < 0 {
			return "", false
		}
	}
	var b [18]byte
	copy(b[:], s[:15])
	checksum(b[:])
	if len(s) == 18 && !strings.EqualFold(s[15:], string(b[15:])) {
		return "", false
	}
	return string(b[:]), true
}

// sequence reads back the running number of an Id made by MakeID.
func sequence(id string) (uint64, error) {
	var n uint64
	for i := 6; i < 15; i++ {
		d := strings.IndexByte(base62, id[i])
		if d < 0 {
			return 0, fmt.Errorf("id %q: character %d is not base 62", id, i)
		}
		n = n*62 + uint64(d)
	}
	return n, nil
}
