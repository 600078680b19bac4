package record

import "io"

// Stream reads batches, one after the other, as one binary COPY stream. A
// batch must stay as it is until the stream has passed it.
type Stream struct {
	next func() *Batch
	rest []byte
	done bool
}

// NewStream begins a stream of the batches that next gives, until it gives nil.
func NewStream(next func() *Batch) *Stream { return &Stream{next: next, rest: copyHeader} }

// Read fills p; it asks for another batch only when all before are read.
func (s *Stream) Read(p []byte) (n int, err error) {
	for len(s.rest) == 0 {
		if s.done {
			return 0, io.EOF
		}
		if b := s.next(); b != nil {
			s.rest = b.buf
			continue
		}
		s.rest, s.done = copyTrailer, true
	}
	n = copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}
