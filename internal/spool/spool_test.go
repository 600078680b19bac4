package spool_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"github.com/synclinehq/syncline/internal/spool"
)

var errBroken = errors.New("the line broke")

// source counts what was read of it; its end is told by a channel.
type source struct {
	io.Reader
	ended chan struct{}
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil {
		close(s.ended)
	}
	return n, err
}

func sourceOf(text string, end error) *source {
	r := io.MultiReader(strings.NewReader(text), iotest.ErrReader(end))
	return &source{Reader: r, ended: make(chan struct{})}
}

func TestAHeldUpReaderLeavesTheRestToTheDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := strings.Repeat("0123456789", 200_000)
	for name, c := range map[string]struct{ end, want error }{"whole": {io.EOF, nil}, "broken": {errBroken, errBroken}} {
		t.Run(name, func(t *testing.T) {
			s := spool.New(spool.Config{Dir: dir, After: time.Millisecond})
			src := sourceOf(text, c.end)
			b := s.Body(src)
			first := make([]byte, 1000)
			if _, err := io.ReadFull(b, first); err != nil {
				t.Fatal(err)
			}
			<-src.ended // without anybody reading
			if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
				t.Errorf("the file has a name: %v, %v", files, err)
			}
			rest, err := io.ReadAll(b)
			if !errors.Is(err, c.want) || string(first)+string(rest) != text {
				t.Errorf("%d bytes of %d, %v", len(first)+len(rest), len(text), err)
			}
			if s.Total() != int64(len(rest)) {
				t.Errorf("%d bytes were spooled", s.Total())
			}
			b.Close()
			if s.Used() != 0 {
				t.Errorf("%d bytes are still counted", s.Used())
			}
		})
	}
}

// A share that is used up, a directory that is not there and a spool that is
// off cost nothing but the spooling.
func TestNothingIsLostWithoutRoom(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("0123456789", 100_000)
	for name, c := range map[string]spool.Config{
		"little room": {Dir: t.TempDir(), Limit: 300_000, After: time.Hour},
		"no room":     {Dir: t.TempDir(), Limit: 1, After: time.Hour},
		"no place":    {Dir: "/does/not/exist", After: time.Hour},
		"off":         {Limit: -1, After: time.Hour},
	} {
		s := spool.New(c)
		b := s.Body(strings.NewReader(text))
		b.HeldUp()
		got, err := io.ReadAll(b)
		if err != nil || string(got) != text {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		b.Close()
		if s.Used() != 0 || c.Limit > 0 && s.Total() > c.Limit {
			t.Errorf("%s: %d bytes used, %d ever", name, s.Used(), s.Total())
		}
	}
	var none *spool.Spool
	if got, err := io.ReadAll(none.Body(strings.NewReader(text))); err != nil || string(got) != text {
		t.Errorf("without a spool: %d bytes, %v", len(got), err)
	}
}

// Whatever the pauses, the bytes are those of the source.
func TestBytesAreThoseOfTheSource(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.Byte(), 0, 3000).Draw(t, "text")
		s := spool.New(spool.Config{Dir: dir, After: time.Hour, Limit: rapid.Int64Range(1, 4000).Draw(t, "limit")})
		b := s.Body(iotest.OneByteReader(bytes.NewReader(text)))
		defer b.Close()
		var got []byte
		for {
			p := make([]byte, rapid.IntRange(1, 500).Draw(t, "size"))
			n, err := b.Read(p)
			got = append(got, p[:n]...)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if rapid.IntRange(0, 20).Draw(t, "pause") == 0 {
				b.HeldUp()
			}
		}
		if !bytes.Equal(got, text) {
			t.Fatalf("%d bytes of %d", len(got), len(text))
		}
	})
}

// A reply that is closed while it is being spooled leaves nothing behind.
func TestCloseWhileSpooling(t *testing.T) {
	t.Parallel()
	s := spool.New(spool.Config{Dir: t.TempDir(), After: time.Millisecond})
	in, out := io.Pipe()
	b := s.Body(in)
	if _, err := out.Write(make([]byte, 10)); err != nil { // returns when it is read
		t.Fatal(err)
	}
	b.Close()
	_ = out.CloseWithError(errBroken) // as the reply's body is closed by its owner
	for s.Used() != 0 {
		time.Sleep(time.Millisecond)
	}
}
