package judge

// maxSamples is how many findings of a kind a report spells out.
const maxSamples = 20

// Finding is one thing that was found, with what is needed to look it up.
type Finding struct {
	// ID is the record's Id, "" for a row that has none.
	ID string `json:"id,omitempty"`
	// Row is the table's id, 0 when there is no row.
	Row int64 `json:"row,omitempty"`
	// Field, Org and Postgres tell of a differing value: both after
	// normalisation, "" for null.
	Field    string `json:"field,omitempty"`
	Org      string `json:"org,omitempty"`
	Postgres string `json:"postgres,omitempty"`
	Detail   string `json:"detail,omitempty"`
}

// Tally counts findings and keeps the first of them.
type Tally struct {
	Count   int       `json:"count"`
	Samples []Finding `json:"samples,omitempty"`
}

func (t *Tally) add(f Finding) {
	if t.Count++; len(t.Samples) < maxSamples {
		t.Samples = append(t.Samples, f)
	}
}

// Mapping is the judgement of one mapping.
type Mapping struct {
	Object string `json:"object"`
	Table  string `json:"table"`
	// Records are those of the org that are not deleted, Rows those of the
	// table, Equal the pairs without any difference.
	Records int `json:"records"`
	Rows    int `json:"rows"`
	Equal   int `json:"equal"`

	// Missing are records without a row, Extra rows without a record, NoID rows
	// that never got an Id, Fields pairs with differing values, Columns mapped
	// fields that the table or the org lacks.
	Missing Tally `json:"missing"`
	Extra   Tally `json:"extra"`
	NoID    Tally `json:"no_id"`
	Fields  Tally `json:"fields"`
	Columns Tally `json:"columns"`

	// OrgDuplicates are records that share an external id, RowDuplicates rows
	// that share an Id or an external id.
	OrgDuplicates Tally `json:"org_duplicates"`
	RowDuplicates Tally `json:"row_duplicates"`

	// Pending are differences with an unsettled log entry, Failed those whose
	// newest entry failed. Neither counts as a difference.
	Pending Tally `json:"pending"`
	Failed  Tally `json:"failed_writes"`
}

// Report is the judgement of a connection.
type Report struct {
	Mappings []*Mapping `json:"mappings"`
	// Differences and Duplicates must be 0 for both sides to be equal.
	Differences  int `json:"differences"`
	Duplicates   int `json:"duplicates"`
	Pending      int `json:"pending"`
	FailedWrites int `json:"failed_writes"`
	// Writes are the accepted writes read, CreatedTwice the external ids that
	// were created while a record with the same one was there.
	Writes       int   `json:"writes"`
	CreatedTwice Tally `json:"created_twice"`
}

// Equal tells whether both sides hold the same data, pending and failed writes
// aside.
func (r *Report) Equal() bool { return r.Differences == 0 && r.Duplicates == 0 }

func (r *Report) add(m *Mapping) {
	r.Mappings = append(r.Mappings, m)
	r.Differences += m.Missing.Count + m.Extra.Count + m.NoID.Count + m.Fields.Count + m.Columns.Count
	r.Duplicates += m.OrgDuplicates.Count + m.RowDuplicates.Count
	r.Pending += m.Pending.Count
	r.FailedWrites += m.Failed.Count
}
