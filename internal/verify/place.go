package verify

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/synclinehq/syncline/internal/salesforce/bulk"
)

// Proof is a way to prove that both sides are equal.
type Proof string

const (
	// Full compares every value of every record and row.
	Full Proof = "full"
	// Quick compares, day by day, how many records were last changed on it and
	// when the last of them was, then every value of the days that differ and of
	// the newest, and Id and stamp of all others. It misses what differs on an
	// older day though the stamps agree.
	Quick Proof = "quick"
)

// phase is what a proof does next.
type phase string

const (
	inDays       phase = "days"       // quick: which days differ
	inRecords    phase = "records"    // read the org, look the rows up
	inRows       phase = "rows"       // find rows that no record stands for
	inLooks      phase = "looks"      // look at what differed again
	inDuplicates phase = "duplicates" // identifiers that occur twice
	isOver       phase = "over"
)

// Place is how far the proof of one mapping has come. It is kept between slices
// of the work; all of it but the set of rows seen is in its JSON.
type Place struct {
	Proof Proof     `json:"proof"`
	Began time.Time `json:"began"`
	Phase phase     `json:"phase"`
	// Revision of the mapping that it began with.
	Revision int `json:"revision"`
	// Bounded proofs compare only what bears a stamp of one of the Spans.
	Bounded bool  `json:"bounded,omitempty"`
	Spans   spans `json:"spans,omitempty"`
	// Others is the number of records of other days, whose counts agree; InOthers
	// says that their Ids and stamps are compared, now that the Spans are through.
	Others   int64 `json:"others,omitempty"`
	InOthers bool  `json:"in_others,omitempty"`
	// Narrow compares Ids and stamps only.
	Narrow bool `json:"narrow,omitempty"`
	// REST reads by queries from behind After on, otherwise Bulk has the place
	// in a job.
	REST  bool       `json:"rest,omitempty"`
	After string     `json:"after,omitempty"`
	Bulk  *bulkPlace `json:"bulk,omitempty"`
	// Restarts counts results that were not whole or gone before they were read.
	Restarts int `json:"restarts,omitempty"`
	// Row is the id of the last row that was looked at in phase rows.
	Row int32 `json:"row,omitempty"`
	// Compared records of about Total.
	Compared int64 `json:"compared,omitempty"`
	Total    int64 `json:"total,omitempty"`
	// Doubts differed; they are looked at again when Due. Those that still do go
	// to Again, for the next of the looks.
	Doubts []doubt   `json:"doubts,omitempty"`
	Again  []doubt   `json:"again,omitempty"`
	Due    time.Time `json:"due,omitzero"`
	Looks  int       `json:"looks,omitempty"`

	Report MappingReport `json:"report"`
	// Recalled is the id up to which open differences of the drift log are among
	// the doubts; Waiting are those of them whose change is on its way by now.
	Recalled int64   `json:"recalled,omitempty"`
	Waiting  []doubt `json:"waiting,omitempty"`
	// Drift are all differences that were confirmed.
	Drift []Drift `json:"drift,omitempty"`
	// Calls were made so far.
	Calls int64 `json:"calls"`

	seen idSet
}

// bulkPlace is the place in a Bulk job.
type bulkPlace struct {
	Job     string `json:"job"`
	Records int    `json:"records"`
	// Listed says that the first list of pages was read; Next is the address of
	// the following one, "" behind the last.
	Listed bool         `json:"listed,omitempty"`
	Next   string       `json:"next,omitempty"`
	Pages  []*pagePlace `json:"pages,omitempty"`
	Read   int          `json:"read"`
}

// pagePlace is a page that is not through; Rows of it are compared.
type pagePlace struct {
	Link string `json:"link"`
	Rows int    `json:"rows,omitempty"`
}

func (b *bulkPlace) list(p bulk.Pages) {
	b.Listed, b.Next = true, p.Next
	for _, link := range p.Links {
		b.Pages = append(b.Pages, &pagePlace{Link: link})
	}
}

// doubt names a row or record that differed: by its Id, or for a row without
// one by its own. Known ones are open in the drift log; Read ones were found by
// this proof, the others may have been counted as equal by it.
type doubt struct {
	Sfid  string `json:"s,omitempty"`
	ID    int32  `json:"i,omitempty"`
	Known bool   `json:"k,omitempty"`
	Read  bool   `json:"r,omitempty"`
}

// Over says that the proof is complete.
func (p *Place) Over() bool { return p.Phase == isOver }

// Encode gives the place as text, and the set of rows seen, a bit per row.
func (p *Place) Encode() (text, seen []byte, err error) {
	if text, err = json.Marshal(p); err != nil {
		return nil, nil, fmt.Errorf("encode the place of a proof: %w", err)
	}
	return text, p.seen.marshal(), nil
}

// DecodePlace is the inverse of [Place.Encode].
func DecodePlace(text, seen []byte) (*Place, error) {
	p := &Place{}
	if err := json.Unmarshal(text, p); err != nil {
		return nil, fmt.Errorf("decode the place of a proof: %w", err)
	}
	var err error
	if p.seen, err = parseSet(seen); err != nil {
		return nil, fmt.Errorf("decode the place of a proof: %w", err)
	}
	return p, nil
}
