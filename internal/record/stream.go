package record

import (
	"encoding/binary"
	"io"
)

// Stream reads batches, one after the other, as one binary COPY stream. A
// batch must stay as it is until the stream has passed it.
type Stream struct {
	next  func() *Batch
	batch *Batch
	at    int // the row of batch that follows
	done  bool
	// fixed is the image of the values behind each record's own, of which there
	// are more.
	fixed []byte
	more  int
	row   []byte // with its fixed values
	rest  []byte
}

// NewStream begins a stream of the batches that next gives, until it gives nil.
// Behind the values of each record come those of fixed, the same for all.
func NewStream(next func() *Batch, fixed ...Value) *Stream {
	s := &Stream{next: next, rest: copyHeader, more: len(fixed)}
	for _, v := range fixed {
		s.fixed = appendValue(s.fixed, v)
	}
	return s
}

// Read fills p as far as one batch goes; it asks for another only when all
// before are read.
func (s *Stream) Read(p []byte) (n int, err error) {
	for {
		for n < len(p) && s.advance() {
			c := copy(p[n:], s.rest)
			s.rest = s.rest[c:]
			n += c
		}
		if n > 0 || len(p) == 0 {
			return n, nil
		}
		if s.done {
			return 0, io.EOF
		}
		if s.batch, s.at = s.next(), 0; s.batch == nil {
			s.rest, s.done = copyTrailer, true
		}
	}
}

// advance makes rest what follows; false at the end of the batch.
func (s *Stream) advance() bool {
	switch {
	case len(s.rest) > 0:
		return true
	case s.batch == nil || s.at == len(s.batch.rows):
		return false
	}
	b, from, to := s.batch, s.batch.rows[s.at], len(s.batch.buf)
	if s.at++; s.at < len(b.rows) {
		to = b.rows[s.at]
	}
	s.row = binary.BigEndian.AppendUint16(s.row[:0], binary.BigEndian.Uint16(b.buf[from:])+uint16(s.more))
	s.row = append(append(s.row, b.buf[from+2:to]...), s.fixed...)
	s.rest = s.row
	return true
}
