package manage_test

import (
	"testing"

	"github.com/synclinehq/syncline/internal/manage"
)

// What goes beyond the ceiling is not sent, and says so.
func TestBudget(t *testing.T) {
	t.Parallel()
	r := newSyncedRig(t)
	b, err := r.service.Budget(t.Context(), admin(), "")
	if err != nil || b.Ours == 0 || len(b.ByUse) == 0 || b.Org.Max == 0 || b.Allowed() != int64(b.Org.Max)*4/5 || b.Stretch() != 1 {
		t.Fatalf("after an import: %+v, %v", b, err)
	}
	if _, err := r.service.ChangeConnection(t.Context(), admin(), "", manage.ConnectionChange{Options: map[string]any{"daily_calls": 1}}); err != nil {
		t.Fatal(err)
	}
	before := b.Ours
	_, err = r.service.Verify(t.Context(), admin(), "", manage.VerifyOptions{})
	wantProblem(t, err, manage.Unavailable, "the budget of API calls leaves none: calls for verify wait")
	b, err = r.service.Budget(t.Context(), admin(), "")
	if err != nil || b.Ours != before || b.Allowed() != 1 || b.Stretch() <= 1 {
		t.Errorf("with a ceiling: %+v, %v", b, err)
	}
	wantProblem(t, second(r.service.ChangeConnection(t.Context(), admin(), "", manage.ConnectionChange{Options: map[string]any{"reserve_percent": 96}})),
		manage.Invalid, "can't be as they were asked for")
}
