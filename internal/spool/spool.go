// Package spool keeps a long reply flowing when the one who reads it is held
// up: Salesforce gives up a connection that is read slowly, and then all of it
// has to be asked for again.
//
// A [Body] hands bytes through as they come, with nothing in between. When its
// reader has asked for none for a while (the database is held up), the rest of
// the reply goes to a temporary file at once, and the reader goes on from there
// when it can. The file has no name from the moment it is open, so nothing stays
// behind however the process ends; on a system that does not allow that, it is
// removed by [Body.Close].
//
// Nothing is ever lost by it: if the disk is full, or the [Spool]'s share of it,
// the reply waits in the connection as it would without.
package spool

import (
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// The defaults of [Config].
const (
	DefaultAfter = 3 * time.Second
	DefaultLimit = 1 << 30
)

// Config says where and when a reply is spooled. The zero value of each field
// means its default.
type Config struct {
	// Dir holds the files; the system's directory for temporary files.
	Dir string
	// Limit is how many bytes all files together may have, DefaultLimit;
	// negative spools nothing.
	Limit int64
	// After is how long a reader may pause before the rest is spooled.
	After time.Duration
}

// Spool is one share of the disk, for any number of replies. It is safe for
// concurrent use. A nil Spool spools nothing.
type Spool struct {
	cfg  Config
	used atomic.Int64
	// total counts the bytes that went to files, ever.
	total atomic.Int64
}

// New makes a spool; there is nothing to close.
func New(c Config) *Spool {
	if c.Limit == 0 {
		c.Limit = DefaultLimit
	}
	if c.After <= 0 {
		c.After = DefaultAfter
	}
	return &Spool{cfg: c}
}

// Total is the number of bytes that were spooled, ever.
func (s *Spool) Total() int64 { return s.total.Load() }

// Used is the number of bytes that are in files now.
func (s *Spool) Used() int64 { return s.used.Load() }

// take reserves n bytes of the share; false if they are not to be had.
func (s *Spool) take(n int64) bool {
	if s.used.Add(n) <= s.cfg.Limit {
		return true
	}
	s.used.Add(-n)
	return false
}

// Body is a reply that is read through a spool, by one goroutine.
type Body struct {
	spool *Spool
	src   io.Reader
	timer *time.Timer

	mu   sync.Mutex
	more sync.Cond // something was spooled, or spooling has ended
	// reading: the reader is at src, so it is not held up.
	reading, spooling, closed bool
	file                      *os.File
	named                     bool // the file could not lose its name
	written, read             int64
	// rest is what came from src and found no room in the file; end is how src
	// has ended. Both come behind the file.
	rest []byte
	end  error
}

// Body reads src through the spool. Close it before src is used otherwise.
func (s *Spool) Body(src io.Reader) *Body {
	b := &Body{spool: s, src: src}
	b.more.L = &b.mu
	if s != nil && s.cfg.Limit > 0 {
		b.mu.Lock() // heldUp, too, looks at the timer
		b.timer = time.AfterFunc(s.cfg.After, b.heldUp)
		b.mu.Unlock()
	}
	return b
}

// Read is that of src, from the file as long as it holds something.
func (b *Body) Read(p []byte) (int, error) {
	if b.timer == nil || len(p) == 0 {
		return b.src.Read(p)
	}
	b.timer.Stop()
	b.mu.Lock()
	for b.spooling && b.read == b.written {
		b.more.Wait()
	}
	switch {
	case b.read < b.written:
		defer b.mu.Unlock()
		n, err := b.file.ReadAt(p[:min(int64(len(p)), b.written-b.read)], b.read)
		b.read += int64(n)
		if n > 0 {
			err = nil
		}
		return n, err
	case len(b.rest) > 0:
		defer b.mu.Unlock()
		n := copy(p, b.rest)
		b.rest = b.rest[n:]
		return n, nil
	case b.end != nil:
		defer b.mu.Unlock()
		return 0, b.end
	}
	b.reading = true
	b.mu.Unlock()
	n, err := b.src.Read(p)
	b.mu.Lock()
	b.reading = false
	b.mu.Unlock()
	b.timer.Reset(b.spool.cfg.After)
	return n, err
}

// Close ends the spooling and gives the file back. src is not closed: what is
// being read from it may still come in.
func (b *Body) Close() {
	if b.timer == nil {
		return
	}
	b.timer.Stop()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.more.Broadcast()
	if !b.spooling {
		b.drop()
	}
}

// drop removes the file; nobody writes to it any more.
func (b *Body) drop() {
	if b.file == nil {
		return
	}
	_ = b.file.Close()
	if b.named {
		_ = os.Remove(b.file.Name())
	}
	b.spool.used.Add(-b.written)
	b.file = nil
}

// heldUp spools the rest of src, unless the reader is back.
func (b *Body) heldUp() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timer == nil || b.reading || b.closed || b.spooling || b.end != nil || len(b.rest) > 0 {
		return
	}
	if b.file == nil {
		file, err := os.CreateTemp(b.spool.cfg.Dir, "syncline-*.page")
		if err != nil {
			return // without a disk the reply waits where it is
		}
		b.file, b.named = file, os.Remove(file.Name()) != nil
	}
	b.spooling = true
	go b.fill()
}

// piece is how much is read from src at once.
const piece = 128 << 10

// fill moves src to the file until it ends or there is no room.
func (b *Body) fill() {
	buf := make([]byte, piece)
	for more := true; more; {
		n, err := b.src.Read(buf)
		kept := b.keep(buf[:n])
		b.mu.Lock()
		if !kept {
			b.rest = append([]byte(nil), buf[:n]...)
		}
		b.end = err
		if more = kept && err == nil && !b.closed; !more {
			b.spooling = false
			if b.closed {
				b.drop()
			}
		}
		b.more.Broadcast()
		b.mu.Unlock()
	}
}

// keep writes bytes behind those that are there; only fill moves written.
func (b *Body) keep(p []byte) bool {
	n := int64(len(p))
	if !b.spool.take(n) {
		return false
	}
	if _, err := b.file.WriteAt(p, b.written); err != nil {
		b.spool.used.Add(-n)
		return false
	}
	b.spool.total.Add(n)
	b.mu.Lock()
	b.written += n
	b.mu.Unlock()
	return true
}
