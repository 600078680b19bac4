package cli

import (
	"testing"
	"time"

	"github.com/synclinehq/syncline/client"
)

func TestProgressText(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]client.VerifyProgress{
		"Verifying …":              {SecondsLeft: -1},
		"Account (1 of 2): 5 rows": {ObjectName: "Account", Compared: 5, Mappings: 2, SecondsLeft: -1},
		"Lead (2 of 2): 5 of 10 rows, 3 rows/s, 2s left": {
			ObjectName: "Lead", Compared: 5, Total: 10, Done: 1, Mappings: 2, RowsPerSecond: 2.6, SecondsLeft: 2.4,
		},
	} {
		if got := progressText(p); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestProofWords(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	for want, p := range map[string]*client.Proof{
		"-":                               nil,
		"equal as of 2026-01-02 03:04:05": {Equal: true, AsOf: at},
		"2 differences as of 2026-01-02 03:04:05": {Differences: 2, AsOf: at},
	} {
		if got := proofWords(p); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
