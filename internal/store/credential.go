package store

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"math/big"
	"strings"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/secret"
)

// Role is how much a person or token may do.
type Role string

// The roles; each includes the ones before it.
const (
	Viewer   Role = "viewer"
	Operator Role = "operator"
	Admin    Role = "admin"
)

// Holder is who a sign-in or session stands for.
type Holder struct {
	Name string
	Role Role
	// Connection bounds the role to one connection; uuid.Nil is the server.
	Connection uuid.UUID
}

// Prefixes tell the kinds of credentials apart, also for secret scanners.
const (
	tokenPrefix   = "syn_"
	signInPrefix  = "sin_"
	sessionPrefix = "ses_"
)

// credentialBytes is the strength of a credential; too much to guess, so a
// plain hash of it may be stored and looked up.
const credentialBytes = 32

// credentialDigits is the length of that many bytes in base 62.
const credentialDigits = 43

// newCredential draws a credential and returns it with its hash.
func newCredential(prefix string) (secret.Text, []byte) {
	var random [credentialBytes]byte
	rand.Read(random[:]) // never fails
	digits := new(big.Int).SetBytes(random[:]).Text(62)
	plain := prefix + strings.Repeat("0", credentialDigits-len(digits)) + digits
	return secret.NewText(plain), hashOf(plain)
}

func hashOf(plain string) []byte {
	hash := sha256.Sum256([]byte(plain))
	return hash[:]
}

// mustHave refuses what can't be a credential of a kind before the store is
// asked.
func mustHave(prefix, plain, doing string) error {
	if !strings.HasPrefix(plain, prefix) || len(plain) != len(prefix)+credentialDigits {
		return fmt.Errorf("%s: %w", doing, ErrNotFound)
	}
	return nil
}
