package org

import (
	"bufio"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"io"

	"github.com/synclinehq/syncline/sandbox/schema"
)

// storedSnapshot is what comes before the rows of a stored snapshot.
type storedSnapshot struct {
	Object   string
	Plots    []plot
	Segments []storedSegment
}

// storedSegment is a run of records of a plot (its place in Plots), or with -1
// of stored versions that follow in the file.
type storedSegment struct {
	Plot int
	From uint64
	Rows int
}

// Save writes the snapshot, so that LoadSnapshot gives it back whatever becomes
// of its records.
func (s *Snapshot) Save(w io.Writer) error {
	head := storedSnapshot{Object: s.obj.Name}
	at := map[*plot]int{}
	for i, g := range s.segments {
		end := s.count
		if i+1 < len(s.segments) {
			end = s.segments[i+1].at
		}
		st := storedSegment{Plot: -1, From: g.from, Rows: end - g.at}
		if g.p != nil {
			k, ok := at[g.p]
			if !ok {
				k = len(head.Plots)
				at[g.p], head.Plots = k, append(head.Plots, *g.p)
			}
			st.Plot = k
		}
		head.Segments = append(head.Segments, st)
	}
	bw := bufio.NewWriterSize(w, 1<<16)
	if err := gob.NewEncoder(bw).Encode(head); err != nil {
		return fmt.Errorf("save snapshot: %w", err)
	}
	var b []byte
	for _, g := range s.segments {
		for _, v := range g.stored {
			data := (&row{n: v.n, data: v.data, base: v.base}).bytes()
			b = binary.AppendUvarint(b[:0], v.n)
			b = binary.AppendUvarint(b, uint64(len(data)))
			_, _ = bw.Write(append(b, data...)) // an error stays and shows when flushing
		}
	}
	if err := bw.Flush(); err != nil {
		return fmt.Errorf("save snapshot: %w", err)
	}
	return nil
}

// LoadSnapshot reads what Snapshot.Save wrote.
func (o *Org) LoadSnapshot(r io.Reader) (*Snapshot, error) {
	br := bufio.NewReaderSize(r, 1<<16)
	var head storedSnapshot
	if err := gob.NewDecoder(br).Decode(&head); err != nil {
		return nil, fmt.Errorf("load snapshot: %w", err)
	}
	obj, ok := o.Catalog.Object(head.Object)
	if !ok {
		return nil, fmt.Errorf("load snapshot: the schema has no object %s", head.Object)
	}
	s := &Snapshot{obj: obj}
	o.mu.Lock()
	s.t = o.table(obj)
	o.mu.Unlock()
	for i := range head.Plots {
		head.Plots[i].prepare()
	}
	for _, st := range head.Segments {
		g := segment{at: s.count, from: st.From}
		if st.Plot >= len(head.Plots) || st.Rows < 0 {
			return nil, errors.New("load snapshot: it is malformed")
		}
		if st.Plot >= 0 {
			g.p = &head.Plots[st.Plot]
		} else {
			g.stored = make([]storedVersion, st.Rows)
			for k := range g.stored {
				v, err := readVersion(br)
				if err != nil {
					return nil, fmt.Errorf("load snapshot: row %d: %w", s.count+k, err)
				}
				g.stored[k] = v
			}
		}
		s.segments = append(s.segments, g)
		s.count += st.Rows
	}
	return s, nil
}

func readVersion(r *bufio.Reader) (storedVersion, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return storedVersion{}, err
	}
	size, err := binary.ReadUvarint(r)
	if err != nil {
		return storedVersion{}, err
	}
	if size > maxRow {
		return storedVersion{}, fmt.Errorf("it has %d bytes", size)
	}
	v := storedVersion{n: n, data: make([]byte, size)}
	_, err = io.ReadFull(r, v.data)
	return v, err
}

// Bytes are the version in the form that RestoreVersion takes.
func (v Version) Bytes() []byte { return v.data }

// RestoreVersion makes a version of an object's record from its bytes.
func (o *Org) RestoreVersion(obj *schema.Object, data []byte) Version {
	if data == nil {
		return Version{}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return Version{data, o.table(obj)}
}
