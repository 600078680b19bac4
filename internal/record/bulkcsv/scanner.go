package bulkcsv

import (
	"bytes"
	"errors"
	"io"
)

// scanner cuts the input into records. The values that it gives point into its
// window, or into scratch where quotes had to be undoubled, and hold until the
// next call.
type scanner struct {
	in       io.Reader
	buf      []byte
	pos, end int
	eof      bool
	scratch  []byte
	records  int // that were cut, for errors: the first is the header
}

// errMore says that the window ends inside a record.
var errMore = errors.New("bulkcsv: more input is needed")

func (s *scanner) reset(in io.Reader) {
	if s.buf == nil {
		s.buf = make([]byte, window)
	}
	s.in, s.pos, s.end, s.eof, s.records = in, 0, 0, false, 0
}

// fill moves what is left to the front and reads more behind it.
func (s *scanner) fill() error {
	if s.pos > 0 {
		copy(s.buf, s.buf[s.pos:s.end])
		s.end -= s.pos
		s.pos = 0
	}
	if s.end == len(s.buf) {
		if len(s.buf) >= maxRecord {
			return &FormatError{Row: s.records, Problem: "the record is too long to be one; a quote may be missing"}
		}
		grown := make([]byte, 2*len(s.buf))
		copy(grown, s.buf[:s.end])
		s.buf = grown
	}
	for range 100 {
		n, err := s.in.Read(s.buf[s.end:])
		s.end += n
		if errors.Is(err, io.EOF) {
			s.eof = true
			return nil
		}
		if err != nil || n > 0 {
			return err
		}
	}
	return io.ErrNoProgress
}

var bomMark = []byte("\xef\xbb\xbf")

// bom steps over a byte order mark.
func (s *scanner) bom() error {
	for s.end-s.pos < len(bomMark) && !s.eof {
		if err := s.fill(); err != nil {
			return err
		}
	}
	if bytes.HasPrefix(s.buf[s.pos:s.end], bomMark) {
		s.pos += len(bomMark)
	}
	return nil
}

// record appends the values of the next record to texts; io.EOF if there is
// none. Empty lines are passed over.
func (s *scanner) record(texts [][]byte) ([][]byte, error) {
	for {
		s.blank()
		out, next, err := s.cut(texts)
		if err == nil {
			s.pos = next
			s.records++
			return out, nil
		}
		if !errors.Is(err, errMore) {
			return texts, err
		}
		if s.eof {
			if s.pos == s.end {
				return texts, io.EOF
			}
			return texts, io.ErrUnexpectedEOF
		}
		if err := s.fill(); err != nil {
			return texts, err
		}
	}
}

// blank steps over empty lines.
func (s *scanner) blank() {
	for s.pos < s.end {
		switch {
		case s.buf[s.pos] == '\n':
			s.pos++
		case s.buf[s.pos] == '\r' && s.pos+1 < s.end && s.buf[s.pos+1] == '\n':
			s.pos += 2
		default:
			return
		}
	}
}

// cut finds the values of the record at pos, and where the next one begins.
// It changes nothing but scratch, so that it can be called again when more of
// the record has come.
func (s *scanner) cut(texts [][]byte) (out [][]byte, next int, err error) {
	s.scratch = s.scratch[:0]
	p := s.pos
	if p == s.end {
		return texts, p, errMore
	}
	for {
		var text []byte
		if p < s.end && s.buf[p] == '"' {
			text, p, err = s.quoted(p + 1)
		} else {
			text, p, err = s.plain(p)
		}
		if err != nil {
			return texts, p, err
		}
		texts = append(texts, text)
		switch {
		case p == s.end && s.eof:
			return texts, p, nil
		case p == s.end:
			return texts, p, errMore
		case s.buf[p] == ',':
			p++
			continue
		case s.buf[p] == '\n':
			return texts, p + 1, nil
		case s.buf[p] == '\r' && p+1 < s.end && s.buf[p+1] == '\n':
			return texts, p + 2, nil
		case s.buf[p] == '\r' && p+1 == s.end && !s.eof:
			return texts, p, errMore
		}
		return texts, p, &FormatError{Row: s.records, Problem: "something follows the end of a quoted value"}
	}
}

// quoted reads a value from behind its opening quote to behind the closing one.
func (s *scanner) quoted(p int) (text []byte, next int, err error) {
	start, doubled := p, false
	for {
		q := bytes.IndexByte(s.buf[p:s.end], '"')
		if q < 0 {
			return nil, p, errMore
		}
		p += q
		if p+1 == s.end && !s.eof {
			return nil, p, errMore // the quote may be the first of two
		}
		if p+1 == s.end || s.buf[p+1] != '"' {
			break
		}
		doubled = true
		p += 2
	}
	text = s.buf[start:p]
	if doubled {
		text = s.undouble(text)
	}
	return text, p + 1, nil
}

// undouble makes one quote of each two.
func (s *scanner) undouble(text []byte) []byte {
	if need := len(s.scratch) + len(text); need > cap(s.scratch) {
		// A new one: values cut before point into the old.
		s.scratch = make([]byte, 0, max(need, 2*cap(s.scratch)))
	}
	from := len(s.scratch)
	for {
		q := bytes.IndexByte(text, '"')
		if q < 0 {
			break
		}
		s.scratch = append(s.scratch, text[:q+1]...)
		text = text[q+2:]
	}
	s.scratch = append(s.scratch, text...)
	return s.scratch[from:len(s.scratch):len(s.scratch)]
}

// plain reads a value without quotes up to the comma or line end behind it.
func (s *scanner) plain(p int) (text []byte, next int, err error) {
	start := p
	for ; p < s.end; p++ {
		switch s.buf[p] {
		case ',', '\n':
			return s.buf[start:p], p, nil
		case '\r':
			if p+1 == s.end && !s.eof {
				return nil, p, errMore
			}
			if p+1 < s.end && s.buf[p+1] == '\n' {
				return s.buf[start:p], p, nil
			}
		case '"':
			return nil, p, &FormatError{Row: s.records, Problem: "a quote stands inside a value without quotes"}
		}
	}
	if !s.eof {
		return nil, p, errMore
	}
	return s.buf[start:p], p, nil
}
