package secret

import (
	"crypto/subtle"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// mask is what everybody sees of a secret.
const mask = "***"

// Text is a secret in memory. Its zero value is the empty secret. Formatting,
// logging and encoding show "***"; only Reveal gives the value away.
//
// The value hides behind a pointer because fmt prints unexported fields of other
// structs without asking their methods.
type Text struct{ value *string }

// NewText makes a Text of a value.
func NewText(value string) Text { return Text{value: &value} }

// Reveal returns the value, for the one place that sends or seals it.
func (t Text) Reveal() string {
	if t.value == nil {
		return ""
	}
	return *t.value
}

// Empty tells whether there is no secret.
func (t Text) Empty() bool { return t.Reveal() == "" }

// Equal compares in constant time for values of one length.
func (t Text) Equal(other Text) bool {
	return subtle.ConstantTimeCompare([]byte(t.Reveal()), []byte(other.Reveal())) == 1
}

// String returns the mask.
func (t Text) String() string { return mask }

// GoString returns the mask.
func (t Text) GoString() string { return mask }

// Format writes the mask for every verb.
func (t Text) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, mask) }

// LogValue returns the mask.
func (t Text) LogValue() slog.Value { return slog.StringValue(mask) }

// MarshalJSON returns the mask.
func (t Text) MarshalJSON() ([]byte, error) { return []byte(`"` + mask + `"`), nil }

// MarshalText returns the mask.
func (t Text) MarshalText() ([]byte, error) { return []byte(mask), nil }

// UnmarshalText takes a value from outside. It refuses the mask, which is what a
// client sends back that read the secret's setting and writes it unchanged.
func (t *Text) UnmarshalText(text []byte) error {
	if string(text) == mask {
		return errors.New("a secret was given as \"" + mask + "\": leave it out to keep the present one")
	}
	*t = NewText(string(text))
	return nil
}

// Value refuses: a secret goes into a database sealed by a KeyRing only.
func (t Text) Value() (driver.Value, error) {
	return nil, errors.New("secret.Text must be sealed before it is stored")
}
