package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// keySize is that of AES-256, in bytes.
const keySize = 32

// fingerprintSize is the length of a fingerprint in bytes: short enough to read
// aloud, long enough to tell an organisation's secrets apart.
const fingerprintSize = 6

// The errors that callers tell apart.
var (
	// ErrUnknownKey: the value was sealed with a key that the ring does not hold.
	ErrUnknownKey = errors.New("sealed with a key that is not in the key ring")
	// ErrTampered: the value was changed, cut, or belongs to another place.
	ErrTampered = errors.New("sealed value does not open: changed, or moved from another place")
)

// Place is where a sealed value is stored. It is authenticated with the value.
type Place struct {
	Table  string
	Row    string // primary key
	Column string
}

// KeyRing seals and opens values. It is immutable and safe for concurrent use.
type KeyRing struct {
	keys    map[string]cipher.AEAD
	current string
	mac     []byte // key of fingerprints, derived from the current key
}

var keyIDPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// Parse reads a ring of the form "id:base64,id:base64": the first key seals, all
// open. A key is 32 random bytes, an id 1 to 32 letters, digits, - or _.
func Parse(text string) (*KeyRing, error) {
	ring := &KeyRing{keys: make(map[string]cipher.AEAD)}
	for item := range strings.SplitSeq(text, ",") {
		id, key, err := parseKey(strings.TrimSpace(item))
		if err != nil {
			return nil, err
		}
		if err := ring.add(id, key); err != nil {
			return nil, err
		}
	}
	return ring, nil
}

// parseKey never quotes the key in an error.
func parseKey(item string) (id string, key []byte, err error) {
	id, encoded, ok := strings.Cut(item, ":")
	if !ok {
		return "", nil, errors.New("a key is written id:base64")
	}
	if !keyIDPattern.MatchString(id) {
		return "", nil, errors.New("a key's id is 1 to 32 letters, digits, - or _")
	}
	key, err = base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", nil, fmt.Errorf("key %s is not base64", id)
	}
	if len(key) != keySize {
		return "", nil, fmt.Errorf("key %s has %d bytes, want %d: make one with `openssl rand -base64 %d`", id, len(key), keySize, keySize)
	}
	return id, key, nil
}

func (r *KeyRing) add(id string, key []byte) error {
	if _, ok := r.keys[id]; ok {
		return fmt.Errorf("two keys have the id %s", id)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return fmt.Errorf("key %s: %w", id, err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return fmt.Errorf("key %s: %w", id, err)
	}
	if r.current == "" {
		r.current = id
		if r.mac, err = hkdf.Key(sha256.New, key, nil, "syncline fingerprint", sha256.Size); err != nil {
			return fmt.Errorf("key %s: %w", id, err)
		}
	}
	r.keys[id] = aead
	return nil
}

// CurrentKey is the id of the key that seals.
func (r *KeyRing) CurrentKey() string { return r.current }

// Len is the number of keys. With more than one, values may be sealed with
// others than the current one.
func (r *KeyRing) Len() int { return len(r.keys) }

// Seal encrypts a value for its place with the current key. The result is the
// length of the key's id (one byte), the id, nonce and ciphertext.
func (r *KeyRing) Seal(value []byte, place Place) []byte {
	header := append([]byte{byte(len(r.current))}, r.current...)
	return r.keys[r.current].Seal(header, nil, value, place.authenticated(header))
}

// Open decrypts what Seal made for the same place.
func (r *KeyRing) Open(sealed []byte, place Place) ([]byte, error) {
	header, id, err := split(sealed)
	if err != nil {
		return nil, fmt.Errorf("open %s.%s: %w", place.Table, place.Column, err)
	}
	aead, ok := r.keys[id]
	if !ok {
		return nil, fmt.Errorf("open %s.%s: key %q: %w", place.Table, place.Column, id, ErrUnknownKey)
	}
	value, err := aead.Open(nil, nil, sealed[len(header):], place.authenticated(header))
	if err != nil {
		return nil, fmt.Errorf("open %s.%s: %w", place.Table, place.Column, ErrTampered)
	}
	return value, nil
}

// SealText is Seal for a Text.
func (r *KeyRing) SealText(t Text, place Place) []byte { return r.Seal([]byte(t.Reveal()), place) }

// OpenText is Open for a Text.
func (r *KeyRing) OpenText(sealed []byte, place Place) (Text, error) {
	value, err := r.Open(sealed, place)
	if err != nil {
		return Text{}, err
	}
	return NewText(string(value)), nil
}

// NeedsRotation tells whether a value is sealed with another key than the
// current one.
func (r *KeyRing) NeedsRotation(sealed []byte) bool {
	_, id, err := split(sealed)
	return err != nil || id != r.current
}

// Reseal opens a value and seals it with the current key.
func (r *KeyRing) Reseal(sealed []byte, place Place) ([]byte, error) {
	value, err := r.Open(sealed, place)
	if err != nil {
		return nil, err
	}
	return r.Seal(value, place), nil
}

// Fingerprint returns a short mark of a secret for the audit trail: equal
// secrets have equal marks as long as the current key stays, and without that
// key nothing can be tried against it. It begins with the key's id.
func (r *KeyRing) Fingerprint(secret string) string {
	mac := hmac.New(sha256.New, r.mac)
	mac.Write([]byte(secret))
	return r.current + ":" + hex.EncodeToString(mac.Sum(nil)[:fingerprintSize])
}

// split returns the header of a sealed value and the key's id in it.
func split(sealed []byte) (header []byte, id string, err error) {
	if len(sealed) == 0 || len(sealed) < 1+int(sealed[0]) {
		return nil, "", ErrTampered
	}
	header = sealed[:1+int(sealed[0])]
	return header, string(header[1:]), nil
}

// authenticated is the additional data of a place. The lengths keep
// ("ab","c") and ("a","bc") apart.
func (p Place) authenticated(header []byte) []byte {
	data := append([]byte(nil), header...)
	for _, part := range []string{p.Table, p.Row, p.Column} {
		data = binary.AppendUvarint(data, uint64(len(part)))
		data = append(data, part...)
	}
	return data
}

// NewKey makes a random key in the form that Parse reads.
func NewKey() string {
	key := make([]byte, keySize)
	rand.Read(key) // never fails
	id := make([]byte, 4)
	rand.Read(id)
	return "k" + hex.EncodeToString(id) + ":" + base64.StdEncoding.EncodeToString(key)
}
