package cli_test

import (
	"strings"
	"testing"
)

func TestBudget(t *testing.T) {
	t.Parallel()
	code, out, errs := run(t, 200, `{"calls": 900, "allowed": 1000, "daily_calls": 1000, "reserve_percent": 20,
		"org_used": 4000, "org_limit": 15000, "other_calls": 3100, "calls_per_hour": 50, "forecast": 1200, "stretch": 3,
		"by_use": [{"mapping": "", "purpose": "poll", "kind": "composite", "calls": 300}, {"mapping": "Account", "purpose": "write", "kind": "collections", "calls": 600}]}`,
		"budget")
	for _, want := range []string{"900 of 1000 allowed", "4000 of 15000, 3100 of them by other applications", "1200 in 24 h, at the last hour's pace of 50",
		"3.0 times as far apart", "(several)"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("%q is missing (exit code %d)\n%s%s", want, code, out, errs)
		}
	}
	if strings.Index(out, "Account") > strings.Index(out, "(several)") {
		t.Errorf("the greatest number is not first:\n%s", out)
	}
	if _, out, _ := run(t, 200, `{"calls": 3, "allowed": null, "stretch": 1, "by_use": []}`, "budget"); !strings.Contains(out, "nothing bounds them") {
		t.Errorf("printed %q", out)
	}
}
