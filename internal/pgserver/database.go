package pgserver

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// duplicateDatabase is the SQLSTATE of CREATE DATABASE for a name that exists.
const duplicateDatabase = "42P04"

// CreateDatabase makes a database, if absent, and the extensions in its schema
// public, if absent.
func (s *Server) CreateDatabase(ctx context.Context, name string, extensions ...string) error {
	err := s.exec(ctx, "postgres", "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); err != nil && (!ok || pgErr.Code != duplicateDatabase) {
		return fmt.Errorf("create database %q: %w", name, err)
	}
	for _, extension := range extensions {
		statement := "CREATE EXTENSION IF NOT EXISTS " + pgx.Identifier{extension}.Sanitize() + " SCHEMA public"
		if err := s.exec(ctx, name, statement); err != nil {
			return fmt.Errorf("create extension %q in database %q: %w", extension, name, err)
		}
	}
	return nil
}

// exec runs one statement on a connection of its own.
func (s *Server) exec(ctx context.Context, database, statement string) error {
	conn, err := pgx.Connect(ctx, s.DSN(database))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, statement)
	return err
}
