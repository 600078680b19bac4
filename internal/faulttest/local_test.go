//go:build unix

package faulttest

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// editHere makes one edit in Postgres, as the application would.
func (x *traffic) editHere(ctx context.Context, n int64) error {
	r := x.rnd["local"]
	key := fmt.Sprintf("here-%d", n)
	list := []choice{
		{30, func() error { return x.updateOwn(ctx, "account", "site", key, r.IntN(1000)) }},
		{15, func() error { return x.updateOwn(ctx, "contact", "department", key, r.IntN(1000)) }},
		{10, func() error { return x.updateOwn(ctx, "project__c", "notes__c", key, r.IntN(1000)) }},
		{10, func() error { return x.updateShared(ctx, key, r.IntN(1000)) }},
		{15, func() error { return x.insert(ctx, insertAccount, key, key) }},
		{7, func() error { return x.insert(ctx, insertProject, key, key) }},
		{5, func() error { return x.family(ctx, key) }},
		{5, func() error { return x.comeAndGo(ctx, key) }},
		{3, func() error { return x.deleteLoaded(ctx, r.IntN(1000)) }},
		{2, func() error { return x.refused(ctx, r.IntN(1000)) }},
	}
	if x.keyless {
		list = append(list, choice{35, func() error { return x.insert(ctx, insertProject, key, nil) }})
	}
	if x.families != nil {
		list = append(list, choice{25, func() error { return x.settle(ctx, key, r) }})
	}
	err := x.draw(r, list)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "42P01" { // no table yet
		return errNotYet
	}
	return err
}

const (
	insertAccount = `INSERT INTO account (name, external_id__c, industry) VALUES ($1, $2, 'Energy')`
	insertContact = `INSERT INTO contact (lastname, external_id__c, account__external_id__c) VALUES ($1, $1, $2)`
	insertProject = `INSERT INTO project__c (name, external_id__c, status__c, budget__c, done__c) VALUES ($1, $2, 'Active', 1234.5, true)`
)

var objectOf = map[string]string{insertAccount: "Account", insertProject: "Project__c"}

// updateOwn sets a column that nobody else edits, of the at-th row.
func (x *traffic) updateOwn(ctx context.Context, table, column, value string, at int) error {
	name := pgx.Identifier{table}.Sanitize()
	var id int32
	err := x.s.app.QueryRow(ctx, fmt.Sprintf(`SELECT id FROM %s WHERE sfid IS NOT NULL
		ORDER BY id OFFSET $1 %% greatest(1, (SELECT count(*) FROM %s WHERE sfid IS NOT NULL)) LIMIT 1`, name, name), at).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return errNotYet
	}
	if err != nil {
		return err
	}
	tag, err := x.s.app.Exec(ctx, fmt.Sprintf("UPDATE %s SET %s = $1 WHERE id = $2", name, pgx.Identifier{column}.Sanitize()), value, id)
	p := place{table, column, id}
	switch {
	case err != nil:
		delete(x.ours, p) // it may have been committed, or not
	case tag.RowsAffected() == 1:
		x.ours[p] = value
	}
	return err
}

// updateShared sets a column that both sides edit.
func (x *traffic) updateShared(ctx context.Context, value string, at int) error {
	return x.exec(ctx, `UPDATE account SET phone = $1 WHERE id = (SELECT id FROM account ORDER BY id OFFSET $2 % 250 LIMIT 1)`, value, at)
}

// refused makes a change that the org's validation rule does not take.
func (x *traffic) refused(ctx context.Context, at int) error {
	return x.exec(ctx, `UPDATE account SET annualrevenue = -77777 WHERE id = (SELECT id FROM account ORDER BY id OFFSET $1 % 250 LIMIT 1)`, at)
}

// deleteLoaded deletes a contact that the org had at first.
func (x *traffic) deleteLoaded(ctx context.Context, at int) error {
	return x.exec(ctx, `DELETE FROM contact WHERE id = (SELECT id FROM contact WHERE sfid IS NOT NULL ORDER BY id OFFSET $1 % 200 LIMIT 1)`, at)
}

func (x *traffic) exec(ctx context.Context, sql string, args ...any) error {
	_, err := x.s.app.Exec(ctx, sql, args...)
	return err
}

// insert inserts a row whose name is the key; external is its unique
// identifier or nil.
func (x *traffic) insert(ctx context.Context, sql, key string, external any) error {
	made := x.note(key, objectOf[sql])
	err := x.exec(ctx, sql, key, external)
	made.certain = err == nil
	return err
}

func (x *traffic) note(key, object string) *insert {
	made := &insert{object: object}
	x.made[key] = made
	return made
}

// family inserts a parent and its child together; the child names its parent
// by the unique identifier.
func (x *traffic) family(ctx context.Context, key string) error {
	parent, child := x.note(key+"-p", "Account"), x.note(key+"-c", "Contact")
	err := pgx.BeginFunc(ctx, x.s.app, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, insertAccount, key+"-p", key+"-p"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, insertContact, key+"-c", key+"-p")
		return err
	})
	parent.certain, child.certain = err == nil, err == nil
	return err
}

// comeAndGo inserts, updates and deletes a row, at times before the first is
// sent, at times after.
func (x *traffic) comeAndGo(ctx context.Context, key string) error {
	made := x.note(key, "Account")
	made.gone = true
	for _, sql := range []string{
		insertAccount,
		`UPDATE account SET site = 'short-lived' WHERE name = $1 AND external_id__c = $2`,
		`DELETE FROM account WHERE name = $1 AND external_id__c = $2`,
	} {
		if err := x.exec(ctx, sql, key, key); err != nil {
			return err
		}
	}
	return nil
}
