package crash

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// childEnv makes this test binary a process that runs into a point twice.
const childEnv = "CRASH_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	if err := Setup(os.Getenv); err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(3)
	}
	defer os.Stdout.WriteString("deferred\n")
	for range 2 {
		Point(WriterAfterClaim, "entry 7")
		os.Stdout.WriteString("passed\n")
	}
}

func child(t *testing.T, spec, report string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=1", Env+"="+spec, ReportEnv+"="+report)
	return cmd
}

func TestPointKillsAtTheHitThatWasAskedFor(t *testing.T) {
	t.Parallel()
	tests := []struct {
		spec   string
		output string
		killed bool
	}{
		{"writer.after_claim", "", true},
		{"writer.after_claim:2", "passed\n", true},
		{"writer.after_settle, writer.after_claim:2:kill", "passed\n", true},
		{"writer.after_claim:3", "passed\npassed\ndeferred\n", false},
		{"writer.after_settle", "passed\npassed\ndeferred\n", false},
		{"", "passed\npassed\ndeferred\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.spec, func(t *testing.T) {
			t.Parallel()
			report := filepath.Join(t.TempDir(), "report")
			cmd := child(t, tt.spec, report)
			output, _ := cmd.Output()
			if string(output) != tt.output {
				t.Errorf("output %q, want %q", output, tt.output)
			}
			status := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if killed := status.Signaled() && status.Signal() == syscall.SIGKILL; killed != tt.killed {
				t.Errorf("killed: %v, want %v (%v)", killed, tt.killed, cmd.ProcessState)
			}
			got, err := ReadReport(report)
			if err != nil {
				t.Fatal(err)
			}
			if reported := len(got) == 1; reported != tt.killed {
				t.Errorf("report: %+v", got)
			}
		})
	}
}

func TestReportTellsPointHitAndDetails(t *testing.T) {
	t.Parallel()
	report := filepath.Join(t.TempDir(), "report")
	cmd := child(t, "writer.after_claim:2:sleep=1ms", report)
	if output, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(output), "deferred") {
		t.Fatalf("%v: %s", err, output)
	}
	got, err := ReadReport(report)
	if err != nil {
		t.Fatal(err)
	}
	want := []Report{{Point: WriterAfterClaim, Hit: 2, Action: "sleep", PID: cmd.Process.Pid, Details: []string{"entry 7"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestStopWaitsForContinue(t *testing.T) {
	t.Parallel()
	cmd := child(t, "writer.after_claim:2:stop", "")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	lines.Scan()
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("child is not stopped: %v, %v", status, err)
	}
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	rest := ""
	for lines.Scan() {
		rest += lines.Text() + " "
	}
	if err := cmd.Wait(); err != nil || rest != "passed deferred " {
		t.Errorf("after SIGCONT: %q, %v", rest, err)
	}
}

func TestSetupRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]string{
		"writer.after_clam":                     `no crash point "writer.after_clam"`,
		"writer.after_claim:0":                  "counted from 1",
		"writer.after_claim:explode":            `no action "explode"`,
		"writer.after_claim:sleep":              `no action "sleep"`,
		"writer.after_claim:sleep=soon":         `"soon" is no duration`,
		"writer.after_claim:sleep=-1s":          `"-1s" is no duration`,
		"writer.after_claim:1:stop:2":           "want name[:n][:action]",
		"writer.after_claim,":                   `no crash point ""`,
		"import.after_plan,import.after_plan:2": "named twice",
	} {
		err := Setup(func(name string) string { return map[string]string{Env: spec}[name] })
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), Env) {
			t.Errorf("%s: got %v, want %q", spec, err, want)
		}
	}
	if armed.Load() != nil {
		t.Error("a refused setting armed something")
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	got, err := parse("writer.after_claim:3:sleep=5s, import.after_plan")
	if err != nil {
		t.Fatal(err)
	}
	claim, plan := got[WriterAfterClaim], got[ImportAfterPlan]
	if claim.at != 3 || claim.action != (action{kind: "sleep", pause: 5 * time.Second}) {
		t.Errorf("writer.after_claim: %+v", claim)
	}
	if plan.at != 1 || plan.action != (action{kind: "kill"}) {
		t.Errorf("import.after_plan: %+v", plan)
	}
}

func TestNamesListsEveryDeclaredPoint(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "names.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]bool)
	for _, name := range Names() {
		listed[string(name)] = true
	}
	declared := 0
	ast.Inspect(file, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING || !strings.Contains(lit.Value, ".") {
			return true
		}
		declared++
		if name, _ := strconv.Unquote(lit.Value); !listed[name] {
			t.Errorf("%s is declared but not listed", name)
		}
		return true
	})
	if declared != len(listed) {
		t.Errorf("%d points declared, %d listed", declared, len(listed))
	}
}

func BenchmarkPointOff(b *testing.B) {
	for b.Loop() {
		Point(WriterAfterClaim)
	}
}
