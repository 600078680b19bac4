package inbox

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"unicode"
)

// Codes that stand for causes which have none of Salesforce's.
const (
	// CodeUnknown: it is not known whether an insert arrived.
	CodeUnknown = "outcome_unknown"
	// CodeRowRefused: Salesforce accepted the change, the row did not take the
	// Id.
	CodeRowRefused = "row_refused"
	// CodeOther: the message holds no code.
	CodeOther = "other"
	// codeInsertFailed is the planner's: the row's insert failed before.
	codeInsertFailed = "insert_failed"
)

// Cause is why a change failed, taken apart.
type Cause struct {
	Code    string
	Message string
	// Fields are those that Salesforce named; it may be empty.
	Fields []string
}

// CauseOf reads sf_message, "CODE: message [fields]".
func CauseOf(message string) Cause {
	c := Cause{Code: CodeOther, Message: strings.TrimSpace(message)}
	if code, rest, ok := strings.Cut(message, ": "); ok && isCode(code) {
		c.Code, c.Message = code, rest
	} else if strings.HasPrefix(message, "Salesforce accepted the change as ") {
		c.Code = CodeRowRefused
	}
	if i := strings.LastIndex(c.Message, " ["); i >= 0 && strings.HasSuffix(c.Message, "]") {
		fields := strings.Split(c.Message[i+2:len(c.Message)-1], ", ")
		if !slices.ContainsFunc(fields, func(f string) bool { return !isField(f) }) {
			c.Fields, c.Message = fields, c.Message[:i]
		}
	}
	return c
}

// isCode says whether a word is written as codes are: with an underscore, in
// capitals or, Syncline's own, in lower case.
func isCode(s string) bool {
	if !strings.Contains(s, "_") || s != strings.ToUpper(s) && s != strings.ToLower(s) {
		return false
	}
	return isField(s) && !strings.Contains(s, ".")
}

func isField(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return !isWord(r) && r != '.' }) < 0
}

func isWord(r rune) bool {
	return r == '_' || r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// keyOf names a group: short, and the same at every look.
func keyOf(parts ...string) string {
	h := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(h[:6])
}
