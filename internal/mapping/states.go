package mapping

// State is one of the states that Heroku Connect shows.
type State struct {
	// Value is the state in the API ("IDLE"), Label in the dashboard ("OK").
	Value, Label string
	// Meaning says what goes on, Remedy what a person can do ("" if nothing).
	Meaning, Remedy string
	Class           Class
	// Produced is false for a state that clients know but nothing here leads
	// to; Why gives the reason.
	Produced bool
	Why      string
}

// Class sorts states as clients do: healthy, passing by itself, or an error.
type Class string

// The classes of states.
const (
	OK        Class = "ok"
	Temporary Class = "temporary"
	Failed    Class = "error"
)

// ConnectionStates lists every state of a connection, produced or not.
func ConnectionStates() []State { return states(connectionRules, connectionKnown) }

// MappingStates lists every state of a mapping, produced or not.
func MappingStates() []State { return states(mappingRules, mappingKnown) }

// states are the distinct states of the rules, then the others.
func states[F any](rules []rule[F], known []State) []State {
	var out []State
	seen := make(map[string]bool)
	for _, r := range rules {
		if seen[r.state.Value] {
			continue
		}
		seen[r.state.Value] = true
		s := r.state
		s.Produced = true
		out = append(out, s)
	}
	return append(out, known...)
}

// rule leads from facts to a state; the first that holds counts.
type rule[F any] struct {
	when  func(F) bool
	state State
}

func derive[F any](rules []rule[F], facts F) State {
	for _, r := range rules {
		if r.when(facts) {
			s := r.state
			s.Produced = true
			return s
		}
	}
	panic("mapping: the last rule must always hold")
}

// Summary rolls the states of a connection's mappings up into one value: "OK",
// or the value of the worst. An error is worse than what passes by itself, and
// of two alike the one that stands first in [MappingStates] is.
func Summary(mappings []State) string {
	worst, rank := "OK", 0
	all := MappingStates()
	for _, s := range mappings {
		r := severity(all, s)
		if r > rank {
			worst, rank = s.Value, r
		}
	}
	return worst
}

// severity is 0 for a healthy state and grows with what is amiss.
func severity(all []State, s State) int {
	place := 0
	for i := range all {
		if all[i].Value == s.Value {
			place = len(all) - i
		}
	}
	switch s.Class {
	case Failed:
		return 2*len(all) + place
	case Temporary:
		return place
	default:
		return 0
	}
}
