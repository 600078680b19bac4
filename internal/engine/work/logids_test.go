package work

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestWarningThatIDsRunOut(t *testing.T) {
	t.Parallel()
	w := New(Config{})
	one, two, start := uuid.New(), uuid.New(), time.Now()
	for _, k := range []struct {
		connection uuid.UUID
		share      float64
		after      time.Duration
		want       bool
	}{
		{one, 0.69, 0, false},
		{one, 0.7, 0, true},
		{one, 0.7, warnIDsEvery / 2, false},
		{two, 0.9, warnIDsEvery / 2, true},
		{one, 0.71, warnIDsEvery, true},
		{one, 0, 3 * warnIDsEvery, false},
	} {
		if got := w.of(k.connection).warnOfIDs(k.share, start.Add(k.after)); got != k.want {
			t.Errorf("share %v after %v: %v", k.share, k.after, got)
		}
	}
}
