package cli_test

import (
	"strings"
	"testing"

	"github.com/synclinehq/syncline/internal/cli"
)

func TestLoadsAreTold(t *testing.T) {
	t.Parallel()
	const status = `{"connection": {"name": "shop", "writes_paused": true}, "mappings": [
		{"mapping": {"id": "1", "object_name": "Account", "stage": "loading"}, "state": {"value": "RELOAD_TABLE"},
		 "load": {"rows": 250, "total": 1000, "bytes": 2500000, "rows_per_second": 50, "bytes_per_second": 500000, "seconds_left": 15}},
		{"mapping": {"id": "2", "object_name": "Contact", "stage": "loading", "reads_paused": true}, "state": {"value": "RELOAD_TABLE"},
		 "load": {"rows": 7, "total": 0, "bytes": 0, "rows_per_second": 0, "seconds_left": -1}}]}`
	code, out, errs := run(t, 200, status, "status")
	for _, want := range []string{
		"Writes paused.", "Account loads: 250 of 1000 rows, 50/s, 0.5 MB/s, 15s left\n", "Contact loads: 7 rows\n", "RELOAD_TABLE (reads paused)", "250 of 1000",
	} {
		if code != cli.ExitOK || !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s%s", want, out, errs)
		}
	}
}

func TestEverySettingIsInTheHelp(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"mapping", "set", "--help"}, []string{"access=<read_only, read_write>", "filter=<a SOQL condition>", "policies.FIELD=<", "when_read_only=<send, hold, discard>  (default: send)"}},
		{[]string{"connection", "set", "--help"}, []string{"algorithm=<ordered, merged, dependency>", "parallel_writes=<1 to 32>", "brake_percent=<1 to 100>  (default: 5)"}},
		{[]string{"pause", "--help"}, []string{"--reads", "--writes"}},
		{[]string{"mapping", "delete", "--help"}, []string{"--drop-table", "--discard"}},
	} {
		code, out, _ := run(t, 200, "", tt.args...)
		for _, want := range tt.want {
			if code != cli.ExitOK || !strings.Contains(out, want) {
				t.Errorf("%v: no %q in:\n%s", tt.args, want, out)
			}
		}
	}
}
