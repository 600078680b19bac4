package crash

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// The environment variables that Setup reads.
const (
	Env       = "SYNCLINE_CRASH"
	ReportEnv = "SYNCLINE_CRASH_REPORT"
)

// armed holds what Setup armed; nil, as in every production process, means that
// Point does nothing. It is the package's one variable: a crash point that had
// to be handed through every constructor would not be called.
var armed atomic.Pointer[plan]

// plan is what one process shall do at which points.
type plan struct {
	traps  map[Name]*trap
	report string
}

// trap springs at the at-th hit of its point and at no other.
type trap struct {
	at     int64
	hits   atomic.Int64
	action action
}

// action is what happens at a point.
type action struct {
	kind  string // one of the kinds below
	pause time.Duration
}

const (
	kindKill  = "kill"
	kindStop  = "stop"
	kindSleep = "sleep"
)

// Setup arms the points that the environment names. It fails on a name that is
// not declared, so that a test with a misspelt point does not pass for want of
// a crash. Without the variable it does nothing.
func Setup(getenv func(string) string) error {
	spec := getenv(Env)
	if spec == "" {
		return nil
	}
	traps, err := parse(spec)
	if err != nil {
		return fmt.Errorf("%s: %w", Env, err)
	}
	armed.Store(&plan{traps: traps, report: getenv(ReportEnv)})
	return nil
}

// Point is a place where the process can be made to die. It costs one atomic
// load when nothing is armed. The details (an Id, a count) go to the report.
func Point(name Name, details ...string) {
	if p := armed.Load(); p != nil {
		p.hit(name, details)
	}
}

// Armed tells whether the point is armed in this process, for the rare caller
// that has to prepare the moment (to flush a request but not read its reply,
// say).
func Armed(name Name) bool {
	p := armed.Load()
	return p != nil && p.traps[name] != nil
}

func (p *plan) hit(name Name, details []string) {
	t := p.traps[name]
	if t == nil {
		return
	}
	n := t.hits.Add(1)
	if n != t.at {
		return
	}
	p.write(Report{Point: name, Hit: n, Action: t.action.kind, Details: slices.Clone(details)})
	t.action.do()
}

// parse reads name[:n][:action], separated by commas.
func parse(spec string) (map[Name]*trap, error) {
	traps := make(map[Name]*trap)
	for item := range strings.SplitSeq(spec, ",") {
		name, t, err := parseItem(strings.TrimSpace(item))
		if err != nil {
			return nil, err
		}
		if traps[name] != nil {
			return nil, fmt.Errorf("point %q is named twice", name)
		}
		traps[name] = t
	}
	return traps, nil
}

func parseItem(item string) (Name, *trap, error) {
	parts := strings.Split(item, ":")
	name := Name(parts[0])
	if !slices.Contains(all[:], name) {
		return "", nil, fmt.Errorf("no crash point %q: `syncline crash-points` lists them", name)
	}
	t := &trap{at: 1, action: action{kind: kindKill}}
	rest := parts[1:]
	if len(rest) > 0 {
		if n, err := strconv.ParseInt(rest[0], 10, 64); err == nil {
			if n < 1 {
				return "", nil, fmt.Errorf("%q: hits are counted from 1", item)
			}
			t.at, rest = n, rest[1:]
		}
	}
	if len(rest) > 1 {
		return "", nil, fmt.Errorf("%q: want name[:n][:action]", item)
	}
	if len(rest) == 1 {
		var err error
		if t.action, err = parseAction(rest[0]); err != nil {
			return "", nil, fmt.Errorf("%q: %w", item, err)
		}
	}
	return name, t, nil
}

func parseAction(text string) (action, error) {
	kind, argument, given := strings.Cut(text, "=")
	switch {
	case kind == kindSleep && given:
		pause, err := time.ParseDuration(argument)
		if err != nil || pause <= 0 {
			return action{}, fmt.Errorf("%q is no duration such as 5s", argument)
		}
		return action{kind: kindSleep, pause: pause}, nil
	case (kind == kindKill || kind == kindStop) && !given:
		return action{kind: kind}, nil
	default:
		return action{}, fmt.Errorf("no action %q: want kill, stop, or sleep=5s", text)
	}
}
