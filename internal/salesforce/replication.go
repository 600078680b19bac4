package salesforce

import (
	"context"
	"fmt"
	"net/url"
	"time"
)

// Updated is what getUpdated answers: the records changed in a window.
type Updated struct {
	IDs []string
	// LatestDateCovered is up to when the answer is complete: earlier than the
	// window's end while a transaction that began before it is still open. It
	// is the start of the next window.
	LatestDateCovered time.Time
}

// Updated lists records that were created or changed from start to end, which
// must be over a minute apart, start no more than 30 days ago.
func (c *Client) Updated(ctx context.Context, object string, start, end time.Time) (Updated, error) {
	var body struct {
		IDs    []string  `json:"ids"`
		Latest Timestamp `json:"latestDateCovered"`
	}
	if err := c.getJSON(ctx, KindReplication, c.window(object, "updated", start, end), &body); err != nil {
		return Updated{}, fmt.Errorf("list updated %s: %w", object, err)
	}
	return Updated{IDs: body.IDs, LatestDateCovered: body.Latest.Time}, nil
}

// Deleted is what getDeleted answers: the records deleted in a window.
type Deleted struct {
	Records []DeletedRecord
	// EarliestDateAvailable is how far back the org still knows of deletions.
	// If it is after the window's start, some may be missing.
	EarliestDateAvailable time.Time
	// LatestDateCovered is up to when the answer is complete.
	LatestDateCovered time.Time
}

// DeletedRecord is one deletion.
type DeletedRecord struct {
	ID string
	At time.Time
}

// Deleted lists records that were deleted from start to end; start no more than
// 15 days ago.
func (c *Client) Deleted(ctx context.Context, object string, start, end time.Time) (Deleted, error) {
	var body struct {
		Records []struct {
			ID string    `json:"id"`
			At Timestamp `json:"deletedDate"`
		} `json:"deletedRecords"`
		Earliest Timestamp `json:"earliestDateAvailable"`
		Latest   Timestamp `json:"latestDateCovered"`
	}
	if err := c.getJSON(ctx, KindReplication, c.window(object, "deleted", start, end), &body); err != nil {
		return Deleted{}, fmt.Errorf("list deleted %s: %w", object, err)
	}
	out := Deleted{EarliestDateAvailable: body.Earliest.Time, LatestDateCovered: body.Latest.Time}
	for _, r := range body.Records {
		out.Records = append(out.Records, DeletedRecord{ID: r.ID, At: r.At.Time})
	}
	return out, nil
}

func (c *Client) window(object, what string, start, end time.Time) string {
	const form = "2006-01-02T15:04:05+00:00"
	q := url.Values{"start": {start.UTC().Format(form)}, "end": {end.UTC().Format(form)}}
	return c.root + "/sobjects/" + url.PathEscape(object) + "/" + what + "?" + q.Encode()
}

// Timestamp is a moment as REST writes it: "2026-11-22T14:35:00.000+0000".
type Timestamp struct{ time.Time }

// UnmarshalJSON reads REST's form and RFC 3339; null is the zero time.
func (t *Timestamp) UnmarshalJSON(b []byte) error {
	s := string(b)
	if s == "null" {
		t.Time = time.Time{}
		return nil
	}
	for _, form := range []string{`"2006-01-02T15:04:05.999Z0700"`, `"` + time.RFC3339Nano + `"`} {
		if v, err := time.Parse(form, s); err == nil {
			t.Time = v.UTC()
			return nil
		}
	}
	return fmt.Errorf("%s is not a moment such as \"2026-11-22T14:35:00.000+0000\"", s)
}
