package engine

import (
	"slices"

	"github.com/synclinehq/syncline/internal/mapping"
)

// scope is what a turn is about, as the control store has it.
type scope struct {
	connection mapping.Connection
	mappings   []mapping.Mapping
}

// wants says whether the key's turns should run.
func (s *scope) wants(key Key) bool {
	if key.Kind == KindLoad {
		return s.runs() && slices.ContainsFunc(s.mappings, func(m mapping.Mapping) bool {
			return m.ID.String() == key.Mapping && s.loads(m)
		})
	}
	return slices.Contains(s.keys(), key)
}

// keys are the lines of turns that the connection should have.
func (s *scope) keys() []Key {
	if !s.runs() {
		return nil
	}
	var keys []Key
	var read, write bool
	for _, m := range s.mappings {
		if s.loads(m) {
			keys = append(keys, s.key(KindLoad, m.ID.String()))
		}
		read = read || s.polls(m)
		write = write || s.writes(m)
	}
	if read {
		keys = append(keys, s.key(KindRead, ""))
	}
	if write {
		keys = append(keys, s.key(KindWrite, ""))
	}
	if len(s.mappings) > 0 {
		keys = append(keys, s.key(KindTend, ""))
	}
	return keys
}

func (s *scope) key(kind, mappingID string) Key {
	return Key{Connection: s.connection.ID, Kind: kind, Mapping: mappingID}
}

// runs says whether the connection has turns at all. A database that went back
// in time, or a copy of one, waits for a person's answer.
func (s *scope) runs() bool {
	st := s.connection.Status
	return !st.Paused && st.Stage == mapping.StageAuthorized && !waitsForPerson(st.Condition)
}

func waitsForPerson(c mapping.Condition) bool {
	return c == mapping.RolledBack || c == mapping.ClonedDatabase
}

func (s *scope) loads(m mapping.Mapping) bool {
	return !m.ReadsPaused(&s.connection) && (m.Status.Stage == mapping.StageCreated || m.Status.Stage == mapping.StageLoading)
}

func (s *scope) polls(m mapping.Mapping) bool {
	return !m.ReadsPaused(&s.connection) && m.Status.Stage == mapping.StageSynced
}

// writes also holds for a mapping that an edit may have turned read-only:
// entries from before may wait.
func (s *scope) writes(m mapping.Mapping) bool {
	return !m.WritesPaused(&s.connection) && m.Status.Stage != mapping.StageCreated &&
		(m.Access == mapping.ReadWrite || m.Revision > 1)
}
