package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/synclinehq/syncline/"

// floors lists the rooms from the ground up. A room may import rooms of lower
// floors only; a package and its sub-packages are one room. ARCHITECTURE.md
// shows the same list; a new room needs a line in both.
var floors = []map[string]bool{
	rooms("internal/gen/eventbus", "internal/record", "internal/sobject"),
	rooms("internal/mapping", "internal/merge", "internal/secret", "internal/crash", "internal/clock", "internal/telemetry", "internal/spool"),
	rooms("internal/salesforce", "internal/target", "internal/schema", "internal/budget"),
	rooms("internal/triggerlog", "internal/outbox", "internal/brake"),
	rooms("internal/apply"),
	rooms("internal/reader", "internal/writer", "internal/verify", "internal/inbox"),
	rooms("internal/store"),
	rooms("internal/engine", "internal/access", "internal/notify", "internal/diagnose"),
	rooms("internal/manage"),
	rooms("internal/api", "internal/herokuapi", "internal/web", "internal/cli"),
	rooms("cmd/syncline"),
}

// sideways are the imports on one floor that are meant.
var sideways = map[string]string{
	"internal/schema": "internal/target", // changes of the schema run in target's sessions
}

// apart are rooms outside the floors: who may import them is said in words.
var apart = rooms("client", "internal/pgserver", "internal/tool", "internal/archtest", "internal/faulttest", "internal/rowstates", "sandbox")

func rooms(names ...string) map[string]bool {
	out := map[string]bool{}
	for _, n := range names {
		out[n] = true
	}
	return out
}

func TestNobodyImportsUpwardsOrSideways(t *testing.T) {
	t.Parallel()
	eachFile(t, func(path, pkg string, imports []string) {
		from := roomOf(pkg)
		if from == "" {
			t.Errorf("%s: package %s has no floor: give it a line in ARCHITECTURE.md and here", path, pkg)
			return
		}
		for _, imported := range imports {
			if problem := forbidden(from, roomOf(imported), imported); problem != "" {
				t.Errorf("%s imports %s: %s", path, imported, problem)
			}
		}
	})
}

// forbidden says why room from may not import room to; "" if it may.
func forbidden(from, to, imported string) string {
	switch {
	case from == to:
		return ""
	case to == "":
		return "that package has no floor"
	case to == "sandbox":
		if from == "cmd/syncline" {
			return ""
		}
		return "only cmd/syncline and tests import the sandbox"
	case from == "sandbox":
		if imported == "internal/gen/eventbus" {
			return ""
		}
		return "the sandbox imports nothing of the product"
	case to == "client":
		if from == "cmd/syncline" || floorOf(from) == floorOf("internal/api") {
			return ""
		}
		return "only faces and cmd/syncline speak the API's language"
	case from == "client":
		return "the client imports nothing internal"
	case to == "internal/pgserver":
		if from == "cmd/syncline" || from == "internal/tool" {
			return ""
		}
		return "only the demo, tools and tests start a PostgreSQL"
	case apart[from], sideways[from] == to:
		return ""
	case floorOf(from) <= floorOf(to):
		return "it stands on the same floor or above"
	}
	return ""
}

func floorOf(room string) int {
	for i, f := range floors {
		if f[room] {
			return i
		}
	}
	return len(floors)
}

// roomOf is the room that a package belongs to: the longest listed prefix.
func roomOf(pkg string) string {
	for p := pkg; p != "." && p != "/"; p = filepath.Dir(p) {
		if apart[p] || floorOf(p) < len(floors) {
			return p
		}
	}
	return ""
}

// eachFile calls fn for every Go file of the product that is not a test, with
// the packages of this module that it imports.
func eachFile(t *testing.T, fn func(path, pkg string, imports []string)) {
	t.Helper()
	root := repoRoot(t)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "tools") {
				return filepath.SkipDir
			}
			return nil
		}
		rel, _ := filepath.Rel(root, path)
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || isTestKit(rel) {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		var imports []string
		for _, i := range f.Imports {
			p, _ := strconv.Unquote(i.Path.Value)
			if rest, ok := strings.CutPrefix(p, module); ok {
				imports = append(imports, rest)
			}
		}
		fn(rel, filepath.ToSlash(filepath.Dir(rel)), imports)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// isTestKit names packages that only tests import.
func isTestKit(rel string) bool {
	dir := filepath.Base(filepath.Dir(rel))
	return strings.HasSuffix(dir, "test")
}

func repoRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = parent
	}
}
