package bulk

import (
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/synclinehq/syncline/sandbox/org"
)

// ResultKind says which rows of an ingest job are wanted.
type ResultKind int

// The kinds of ingest results.
const (
	Successful ResultKind = iota
	Unsuccessful
	Unprocessed
)

func (k ResultKind) takes(o *outcome) bool {
	switch k {
	case Successful:
		return o.done && o.err == nil
	case Unsuccessful:
		return o.done && o.err != nil
	}
	return !o.done
}

// WriteResults gives the function that sends the results of one kind. A job
// that is not over has none yet.
func (js *Jobs) WriteResults(id string, kind ResultKind) (func(io.Writer) error, error) {
	js.mu.Lock()
	defer js.mu.Unlock()
	j, err := js.find(TypeIngest, id)
	if err != nil {
		return nil, err
	}
	if !j.over() {
		return nil, &Error{"INVALIDJOBSTATE", "InvalidJobState : Results are available only when the job is over, this one is " + j.state}
	}
	rows := slices.Clone(j.ingest.outcomes)
	order(rows, js.org.Switches().Bulk.ResultOrder, j.ID)
	return func(w io.Writer) error { return writeOutcomes(w, j, kind, rows) }, nil
}

// order rearranges the rows as the switch says; shuffling depends on the job
// alone.
func order(rows []outcome, how, seed string) {
	switch how {
	case "reverse":
		slices.Reverse(rows)
	case "shuffle":
		var n uint64
		for _, c := range []byte(seed) {
			n = n*31 + uint64(c)
		}
		rand.New(rand.NewPCG(n, n)).Shuffle(len(rows), func(a, b int) { rows[a], rows[b] = rows[b], rows[a] })
	}
}

func writeOutcomes(w io.Writer, j *Job, kind ResultKind, rows []outcome) error {
	var head []string
	switch kind {
	case Successful:
		head = []string{"sf__Id", "sf__Created"}
	case Unsuccessful:
		head = []string{"sf__Id", "sf__Error"}
	}
	b := j.Format.line(nil, append(head, j.ingest.header...))
	for i := range rows {
		o := &rows[i]
		if !kind.takes(o) {
			continue
		}
		var own []string
		switch kind {
		case Successful:
			own = []string{o.id, strconv.FormatBool(o.created)}
		case Unsuccessful:
			own = []string{o.id, errorText(o.err)}
		}
		b = j.Format.line(b, append(own, o.values...))
		if len(b) > 1<<16 {
			if _, err := w.Write(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	_, err := w.Write(b)
	return err
}

// errorText is the form of sf__Error: CODE:message:fields --.
func errorText(e *org.RowError) string {
	fields := strings.Join(e.Fields, ",")
	if fields != "" {
		fields += " "
	}
	return e.Code + ":" + e.Message + ":" + fields + "--"
}
