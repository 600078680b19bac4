package client

import (
	"context"
	"net/http"
)

// WritePreview is what would be sent to Salesforce now, if all of it were
// accepted.
type WritePreview struct {
	Looked int  `json:"looked" doc:"Waiting changes that were looked at."`
	More   bool `json:"more" doc:"Others wait behind them."`
	Calls  int  `json:"calls" doc:"API calls of Collections."`
	Jobs   int  `json:"jobs" doc:"Bulk jobs."`

	Sets  []WritePreviewSet  `json:"sets" doc:"What would be sent, in order."`
	Ends  []WritePreviewEnd  `json:"ends" doc:"What ends without a call."`
	Fails []WritePreviewFail `json:"fails" doc:"What would fail before it is sent; the first hundred."`
	Held  []WritePreviewHeld `json:"held" doc:"What waits, and for what."`
}

// WritePreviewSet is records of one table and operation.
type WritePreviewSet struct {
	Round     int    `json:"round" doc:"What goes before the next round; from 1."`
	Table     string `json:"table"`
	Object    string `json:"object"`
	Operation string `json:"operation" doc:"insert, update, upsert or delete"`
	Bulk      bool   `json:"bulk"`
	Sets      int    `json:"sets" doc:"Change sets of up to 200 records, or Bulk jobs."`
	Records   int    `json:"records"`
}

// WritePreviewEnd counts changes that end without a call.
type WritePreviewEnd struct {
	Table   string `json:"table"`
	State   string `json:"state"`
	Records int    `json:"records"`
}

// WritePreviewFail is a change that would fail before it is sent.
type WritePreviewFail struct {
	LogID    int32  `json:"log_id"`
	Table    string `json:"table"`
	RecordID int32  `json:"record_id"`
	Code     string `json:"code"`
	Message  string `json:"message"`
}

// WritePreviewHeld counts changes that wait for the same.
type WritePreviewHeld struct {
	Table   string `json:"table"`
	Reason  string `json:"reason"`
	Records int    `json:"records"`
	LogID   int32  `json:"log_id" doc:"The first of them."`
}

// WritePreview says what would be sent now. It changes nothing.
func (c *Client) WritePreview(ctx context.Context, ref string) (WritePreview, error) {
	return call[WritePreview](ctx, c, http.MethodGet, conn(ref, "write-preview"), nil, nil)
}
