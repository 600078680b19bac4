package inbox

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"unicode/utf8"
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

var (
	codeBefore  = regexp.MustCompile(`^([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[a-z]+(?:_[a-z]+)+): `)
	fieldsAfter = regexp.MustCompile(` \[([A-Za-z0-9_.]+(?:, [A-Za-z0-9_.]+)*)\]$`)
)

// CauseOf reads sf_message, "CODE: message [fields]".
func CauseOf(message string) Cause {
	c := Cause{Code: CodeOther, Message: strings.TrimSpace(message)}
	if m := codeBefore.FindStringSubmatch(message); m != nil {
		c.Code, c.Message = m[1], message[len(m[0]):]
	} else if strings.HasPrefix(message, "Salesforce accepted the change as ") {
		c.Code = CodeRowRefused
	}
	if m := fieldsAfter.FindStringSubmatchIndex(c.Message); m != nil {
		c.Fields = strings.Split(c.Message[m[2]:m[3]], ", ")
		c.Message = c.Message[:m[0]]
	}
	return c
}

const maxPattern = 200

// blanks are what differs from one failure to the next of the same cause, in
// the order in which it is taken out.
var blanks = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`(?i)((?:bad value for restricted picklist field|data value too large|value not of required type|invalid email address|malformed id|invalid (?:id|date|number)(?: field)?): ).*?( \(max length=\d+\))?$`), "$1…$2"},
	{regexp.MustCompile(`"[^"]*"|“[^”]*”`), "…"},
	{regexp.MustCompile(`(^|[\s(:=,\[])'[^']*'`), "$1…"},
	{regexp.MustCompile(`https?://\S+`), "…"},
	{regexp.MustCompile(`\S+@[\w.-]+`), "…"},
	{regexp.MustCompile(`\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b`), "…"},
	{regexp.MustCompile(`\b[a-zA-Z0-9]{15}(?:[a-zA-Z0-9]{3})?\b`), ""}, // an Id, if it has a digit
	{regexp.MustCompile(`-?\b\d+(?:[.,:/TZ-]+\d+)*Z?\b`), "…"},
	{regexp.MustCompile(`\s+`), " "},
	{regexp.MustCompile(`…(?:, …)+`), "…"},
}

// Pattern is a message without what differs between records: Ids, numbers,
// quoted values. Equal patterns of one code count as one cause.
func Pattern(message string) string {
	for _, b := range blanks {
		if b.with == "" {
			message = b.what.ReplaceAllStringFunc(message, blankID)
			continue
		}
		message = b.what.ReplaceAllString(message, b.with)
	}
	message = strings.TrimSpace(message)
	if utf8.RuneCountInString(message) > maxPattern {
		message = string([]rune(message)[:maxPattern])
	}
	return message
}

func blankID(word string) string {
	if strings.ContainsAny(word, "0123456789") {
		return "…"
	}
	return word
}

// keyOf names a group: short, and the same at every look.
func keyOf(parts ...string) string {
	h := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(h[:6])
}
