package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/synclinehq/syncline/internal/secret"
)

var (
	oldKey = "old:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32))
	newKey = "new:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{2}, 32))

	token = secret.Place{Table: "connection", Row: "7", Column: "refresh_token"}
)

func ring(t testing.TB, keys string) *secret.KeyRing {
	t.Helper()
	r, err := secret.Parse(keys)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSealedValueOpensAtItsPlaceOnly(t *testing.T) {
	t.Parallel()
	r := ring(t, oldKey)
	sealed := r.SealText(secret.NewText("hunter2"), token)
	if got, err := r.OpenText(sealed, token); err != nil || got.Reveal() != "hunter2" {
		t.Fatalf("open: %q, %v", got.Reveal(), err)
	}
	if bytes.Contains(sealed, []byte("hunter2")) {
		t.Error("the value can be read in what was sealed")
	}
	for name, place := range map[string]secret.Place{
		"other row":     {Table: "connection", Row: "8", Column: "refresh_token"},
		"other column":  {Table: "connection", Row: "7", Column: "client_secret"},
		"other table":   {Table: "webhook", Row: "7", Column: "refresh_token"},
		"shifted parts": {Table: "connection7", Row: "", Column: "refresh_token"},
	} {
		if _, err := r.Open(sealed, place); !errors.Is(err, secret.ErrTampered) {
			t.Errorf("%s: %v, want ErrTampered", name, err)
		}
	}
}

func TestAnyChangeOfASealedValueIsFound(t *testing.T) {
	t.Parallel()
	r := ring(t, oldKey)
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.SliceOf(rapid.Byte()).Draw(t, "value")
		sealed := r.Seal(value, token)
		if got, err := r.Open(sealed, token); err != nil || !bytes.Equal(got, value) {
			t.Fatalf("open: %q, %v", got, err)
		}
		changed := bytes.Clone(sealed)
		changed[rapid.IntRange(0, len(sealed)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "flip"))
		if got, err := r.Open(changed, token); err == nil {
			t.Fatalf("a changed value opened as %q", got)
		}
		cut := sealed[:rapid.IntRange(0, len(sealed)-1).Draw(t, "cut")]
		if got, err := r.Open(cut, token); err == nil {
			t.Fatalf("a cut value opened as %q", got)
		}
	})
}

func TestRotation(t *testing.T) {
	t.Parallel()
	before, both, after := ring(t, oldKey), ring(t, newKey+","+oldKey), ring(t, newKey)
	sealed := before.Seal([]byte("hunter2"), token)
	if before.NeedsRotation(sealed) || !both.NeedsRotation(sealed) {
		t.Error("NeedsRotation must be true for the older key only")
	}
	resealed, err := both.Reseal(sealed, token)
	if err != nil || both.NeedsRotation(resealed) {
		t.Fatalf("reseal: %v", err)
	}
	if got, err := after.Open(resealed, token); err != nil || string(got) != "hunter2" {
		t.Errorf("with the new key alone: %q, %v", got, err)
	}
	if _, err := after.Open(sealed, token); !errors.Is(err, secret.ErrUnknownKey) || !strings.Contains(err.Error(), `"old"`) {
		t.Errorf("old value with the new key alone: %v, want ErrUnknownKey that names the key", err)
	}
}

func TestParseRefusesBadKeys(t *testing.T) {
	t.Parallel()
	short := base64.StdEncoding.EncodeToString(make([]byte, 16))
	for keys, want := range map[string]string{
		"":                     "id:base64",
		"k1":                   "id:base64",
		"k1:" + short:          "16 bytes, want 32",
		"k1:not base64 at all": "not base64",
		"no spaces:" + short:   "a key's id",
		":" + short:            "a key's id",
		oldKey + "," + oldKey:  "two keys have the id old",
		oldKey + ",":           "id:base64",
	} {
		_, err := secret.Parse(keys)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", keys, err, want)
		}
		if err != nil && strings.Contains(err.Error(), short) {
			t.Errorf("%q: the error quotes the key: %v", keys, err)
		}
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	r := ring(t, oldKey)
	mark := r.Fingerprint("hunter2")
	if mark != r.Fingerprint("hunter2") || mark == r.Fingerprint("hunter3") || mark == ring(t, newKey).Fingerprint("hunter2") {
		t.Error("a fingerprint must depend on secret and key, and on nothing else")
	}
	if !strings.HasPrefix(mark, "old:") || len(mark) != len("old:")+12 {
		t.Errorf("fingerprint %q", mark)
	}
}

func env(keys string) func(string) string {
	return func(name string) string { return map[string]string{secret.KeysEnv: keys}[name] }
}

func TestLoad(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "made", "keys")
	first, notice, err := secret.Load(env(""), path)
	if err != nil || !strings.Contains(notice, path) {
		t.Fatalf("first start: notice %q, %v", notice, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", info, err)
	}
	sealed := first.Seal([]byte("hunter2"), token)
	second, notice, err := secret.Load(env(""), path)
	if err != nil || notice != "" {
		t.Fatalf("second start: notice %q, %v", notice, err)
	}
	if _, err := second.Open(sealed, token); err != nil {
		t.Error(err)
	}
	fromEnv, _, err := secret.Load(env(newKey), path)
	if err != nil || fromEnv.CurrentKey() != "new" {
		t.Errorf("the environment must win: %v", err)
	}
}

func TestLoadByManyAtOnceGivesOneKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys")
	ids := make([]string, 8)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			r, _, err := secret.Load(env(""), path)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = r.CurrentKey()
		})
	}
	all.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("different keys: %v", ids)
		}
	}
}

func TestLoadRefusesBadFiles(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, content string
		mode          os.FileMode
		want          string
	}{
		{"readable by others", oldKey, 0o644, "chmod 600"},
		{"readable by the group", oldKey, 0o640, "chmod 600"},
		{"empty", "# nothing\n\n", 0o600, "holds no key"},
		{"torn", oldKey[:20], 0o600, "key old"},
		{"twice", oldKey + "\n" + oldKey, 0o600, "two keys"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "keys")
			if err := os.WriteFile(path, []byte(tt.content), tt.mode); err != nil {
				t.Fatal(err)
			}
			_, _, err := secret.Load(env(""), path)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want %q and the path", err, tt.want)
			}
		})
	}
	if _, _, err := secret.Load(env("k1:zzz"), ""); err == nil || !strings.Contains(err.Error(), secret.KeysEnv) {
		t.Errorf("bad environment: %v", err)
	}
	if _, _, err := secret.Load(env(""), ""); err == nil || !strings.Contains(err.Error(), secret.KeysEnv) {
		t.Errorf("no key at all: %v", err)
	}
}

func TestTextShowsItselfToNobody(t *testing.T) {
	t.Parallel()
	text := secret.NewText("hunter2")
	type holder struct {
		Name   string
		Secret secret.Text
		hidden secret.Text
	}
	h := holder{Name: "org", Secret: text, hidden: text}
	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(handler).Info("made", "text", text, "holder", h, "pointer", &h)
	}
	encoded, err := json.Marshal(map[string]any{"text": text, "holder": h, "list": []secret.Text{text}})
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{log.String(), string(encoded), text.String()}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown = append(shown, fmt.Sprintf(format, text), fmt.Sprintf(format, h), fmt.Sprintf(format, &h),
			fmt.Sprintf(format, map[string]secret.Text{"k": text}))
	}
	for _, s := range shown {
		for _, leak := range []string{"hunter2", "68756e74657232", "aHVudGVyMg"} {
			if strings.Contains(s, leak) {
				t.Errorf("shown: %s", s)
			}
		}
	}
	if _, err := text.Value(); err == nil {
		t.Error("a secret went to a database unsealed")
	}
}

func TestTextFromOutside(t *testing.T) {
	t.Parallel()
	var in struct{ Secret secret.Text }
	if err := json.Unmarshal([]byte(`{"Secret":"hunter2"}`), &in); err != nil || !in.Secret.Equal(secret.NewText("hunter2")) {
		t.Errorf("%q, %v", in.Secret.Reveal(), err)
	}
	if err := json.Unmarshal([]byte(`{"Secret":"***"}`), &in); err == nil {
		t.Error("the mask was taken for a secret")
	}
	if !(secret.Text{}).Empty() || in.Secret.Empty() {
		t.Error("Empty is wrong")
	}
}

func FuzzOpen(f *testing.F) {
	r := ring(f, oldKey)
	f.Add([]byte{})
	f.Add([]byte{3, 'o', 'l', 'd'})
	f.Add([]byte{255, 'o'})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if value, err := r.Open(sealed, token); err == nil {
			t.Errorf("opened as %q", value)
		}
	})
}
