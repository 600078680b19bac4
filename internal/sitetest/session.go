package sitetest

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Session is a session as an application has it.
type Session struct {
	testing.TB
	*pgx.Conn
}

// Connect opens a session, which is closed when the test ends.
func Connect(t testing.TB, dsn string) *Session {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return &Session{t, conn}
}

// Run executes a statement; without arguments there may be several.
func (s *Session) Run(sql string, args ...any) {
	s.Helper()
	var err error
	if len(args) == 0 {
		_, err = s.PgConn().Exec(s.Context(), sql).ReadAll()
	} else {
		_, err = s.Exec(s.Context(), sql, args...)
	}
	if err != nil {
		s.Fatalf("%s: %v", sql, err)
	}
}

// Lines reads the rows of the last statement as text, one a line, with between
// between columns and null for NULL.
func (s *Session) Lines(sql, between, null string) string {
	s.Helper()
	results, err := s.PgConn().Exec(s.Context(), sql).ReadAll()
	if err != nil {
		s.Fatalf("%s: %v", sql, err)
	}
	var b strings.Builder
	for _, row := range results[len(results)-1].Rows {
		for i, v := range row {
			if i > 0 {
				b.WriteString(between)
			}
			if v == nil {
				b.WriteString(null)
			}
			b.Write(v)
		}
		b.WriteString("\n")
	}
	return b.String()
}
