package cli_test

import (
	"strings"
	"testing"
)

func TestWritePreview(t *testing.T) {
	t.Parallel()
	body := `{"looked": 5, "more": true, "calls": 1, "jobs": 0,
		"sets": [{"round": 1, "table": "account", "object": "Account", "operation": "upsert", "sets": 1, "records": 2}],
		"ends": [{"table": "contact", "state": "MERGED", "records": 1}],
		"fails": [{"log_id": 7, "table": "nowhere", "record_id": 1, "code": "not_mapped", "message": "no\u001b[2J"}],
		"held": [{"table": "contact", "reason": "there is no row 9 in account yet", "records": 1, "log_id": 8}]}`
	code, out, errs := run(t, 200, body, "write-preview")
	for _, want := range []string{"ROUND", "Account", "upsert", "5 changes wait: 1 calls and 0 Bulk jobs.", "More wait behind them.",
		"contact: 1 end as MERGED", "nowhere 1 (log id 7) would fail: not_mapped", "contact: 1 wait, log id 8 first: there is no row 9"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("%q is missing (exit code %d)\n%s%s", want, code, out, errs)
		}
	}
	if strings.ContainsRune(out, '\x1b') {
		t.Errorf("control characters in %q", out)
	}
	if _, out, _ = run(t, 200, `{"looked": 0}`, "write-preview"); !strings.Contains(out, "Nothing waits.") {
		t.Errorf("printed %q", out)
	}
	if code, _, _ = run(t, 200, body, "write-preview", "Account"); code != 2 {
		t.Errorf("exit code %d", code)
	}
}
