package writer

import (
	"context"
	"strings"

	"github.com/synclinehq/syncline/internal/target"
	"github.com/synclinehq/syncline/internal/triggerlog"
	"github.com/synclinehq/syncline/internal/writer/plan"
)

// missesParent says whether Salesforce refused a record since it does not know
// the one that it names by an external ID.
func missesParent(a JournalResult) bool {
	return a.Code == "INVALID_CROSS_REFERENCE_KEY" ||
		a.Code == "INVALID_FIELD" && strings.Contains(a.Message, "Foreign key external ID")
}

// forOrder takes back the failure of children whose parent's row has come in
// since they were planned: they are sent again after it.
func (w *Writer) forOrder(ctx context.Context, tx *target.Tx, list []settling) error {
	var ids []int32
	for _, s := range list {
		if s.verdict == failed && missesParent(s.answer) && w.attempted(s.intent.LogID)+1 < w.set.Attempts {
			ids = append(ids, s.intent.LogID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	entries, err := w.log.ByID(ctx, tx, ids)
	if err != nil {
		return err
	}
	late := map[int32]bool{}
	for _, e := range entries {
		in := plan.Input{Entries: []triggerlog.Entry{e}, Rows: map[plan.Record]plan.Row{}, Named: map[string]plan.Record{}}
		_, names := plan.References(w.cfg.Tables, in.Entries)
		parents, err := w.readNamed(ctx, tx, &in, names)
		if err != nil {
			return err
		}
		late[e.ID] = len(parents) > 0
	}
	for i := range list {
		if list[i].verdict == failed && late[list[i].intent.LogID] {
			list[i].verdict = again
		}
	}
	return nil
}
