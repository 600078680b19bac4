//go:build unix

package faulttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/sandbox"
)

// families are rows that name their parents by the local ids of these, in
// columns of the application's own (option resolve_from).
type families struct {
	// parents are the rows that a contact has named, in order, by its id; nil
	// if it is not known whether a change was committed.
	parents map[int32][]int32
	// children are the keys of contacts that were inserted with a parent.
	children map[string]bool
	// turns counts families, so that each kind comes up as often.
	turns int
}

// resolving are the mappings' options that families need.
var resolving = map[string]any{
	"Account": map[string]any{"resolve_from": map[string]any{"ParentId": "parent_row"}},
	"Contact": map[string]any{"resolve_from": map[string]any{"AccountId": "account_row"}},
}

// withFamilies has rows inserted that name parents by their rows.
func withFamilies(x *traffic) {
	x.families = &families{parents: map[int32][]int32{}, children: map[string]bool{}}
}

// addFamilyColumns adds the columns to the loaded tables.
func (s *site) addFamilyColumns() {
	s.Helper()
	for _, sql := range []string{
		`ALTER TABLE account ADD COLUMN parent_row integer`,
		`ALTER TABLE contact ADD COLUMN account_row integer`,
	} {
		_, err := s.app.Exec(s.Context(), sql)
		s.must(err)
	}
}

const (
	newAccountID   = `SELECT nextval(pg_get_serial_sequence('account', 'id'))::integer`
	insertMember   = `INSERT INTO account (id, name, external_id__c, parent_row) VALUES ($1, $2, $3, $4)`
	insertChild    = `INSERT INTO contact (lastname, external_id__c, account_row) VALUES ($1, $2, $3) RETURNING id`
	anyLoaded      = `SELECT id FROM account WHERE sfid IS NOT NULL AND name NOT LIKE 'here-%' ORDER BY id OFFSET $1 % 200 LIMIT 1`
	anyChild       = `SELECT id FROM contact WHERE sfid IS NOT NULL AND account_row IS NOT NULL ORDER BY id DESC OFFSET $1 % 20 LIMIT 1`
	moveChild      = `UPDATE contact SET account_row = $1 WHERE id = $2`
	kindsOfFamily  = 4
	largestCircle  = 3
	chanceOfNoKeys = 3 // one of so many families has no unique identifiers
)

// settle makes a family: a parent and its child at once, a child before its
// parent, a circle, or a child that goes to another parent.
func (x *traffic) settle(ctx context.Context, key string, r *rand.Rand) error {
	x.families.turns++
	keyless := x.keyless && r.IntN(chanceOfNoKeys) == 0
	switch x.families.turns % kindsOfFamily {
	case 0:
		return pgx.BeginFunc(ctx, x.s.app, func(tx pgx.Tx) error {
			id, err := reserve(ctx, tx)
			if err == nil {
				err = x.join(ctx, tx, key+"-p", keyless, id, nil)
			}
			if err == nil {
				err = x.bear(ctx, tx, key+"-c", keyless, id)
			}
			return err
		})
	case 1:
		id, err := reserve(ctx, x.s.app)
		if err == nil {
			err = x.bear(ctx, x.s.app, key+"-c", keyless, id)
		}
		if err == nil {
			err = x.join(ctx, x.s.app, key+"-p", keyless, id, nil)
		}
		return err
	case 2:
		return x.circle(ctx, key, keyless, 1+r.IntN(largestCircle))
	default:
		return x.move(ctx, r.IntN(1000), r.IntN(1000))
	}
}

// session is the application's pool or a transaction.
type session interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// reserve takes the id of an account that is not there yet.
func reserve(ctx context.Context, db session) (id int32, err error) {
	err = db.QueryRow(ctx, newAccountID).Scan(&id)
	return id, err
}

// join inserts an account with a parent's row or none.
func (x *traffic) join(ctx context.Context, db session, key string, keyless bool, id int32, parent any) error {
	made := x.note(key, "Account")
	err := db.QueryRow(ctx, insertMember+` RETURNING id`, id, key, external(key, keyless), parent).Scan(&id)
	made.certain = err == nil
	return err
}

// bear inserts a contact of the account that has or will have the id.
func (x *traffic) bear(ctx context.Context, db session, key string, keyless bool, parent int32) error {
	made := x.note(key, "Contact")
	x.families.children[key] = true
	var id int32
	err := db.QueryRow(ctx, insertChild, key, external(key, keyless), parent).Scan(&id)
	made.certain = err == nil
	if err == nil {
		x.families.parents[id] = []int32{parent}
	}
	return err
}

func external(key string, keyless bool) any {
	if keyless {
		return nil
	}
	return key
}

// circle inserts accounts each of which names the next, the last the first.
func (x *traffic) circle(ctx context.Context, key string, keyless bool, members int) error {
	return pgx.BeginFunc(ctx, x.s.app, func(tx pgx.Tx) error {
		ids := make([]int32, members)
		for i := range ids {
			var err error
			if ids[i], err = reserve(ctx, tx); err != nil {
				return err
			}
		}
		for i, id := range ids {
			if err := x.join(ctx, tx, fmt.Sprintf("%s-o%d", key, i), keyless, id, ids[(i+1)%members]); err != nil {
				return err
			}
		}
		return nil
	})
}

// move gives a child that has reached the org another parent.
func (x *traffic) move(ctx context.Context, child, parent int) error {
	var id, to int32
	err := x.s.app.QueryRow(ctx, anyChild, child).Scan(&id)
	if err == nil {
		err = x.s.app.QueryRow(ctx, anyLoaded, parent).Scan(&to)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // none has reached it yet
	}
	if err != nil {
		return err
	}
	list := append(x.families.parents[id], to)
	x.families.parents[id] = nil
	tag, err := x.s.app.Exec(ctx, moveChild, to, id)
	if err == nil && tag.RowsAffected() == 1 {
		x.families.parents[id] = list
	}
	return err
}

// kept checks the families: every lookup holds the Id of the row that is named,
// no child was created before its parent's Id was known, a child went from
// parent to parent in the application's order, and nothing failed for order.
func (s *site) kept() {
	s.Helper()
	s.resolved()
	sfid, contact := s.sfids("account"), map[string]int32{}
	for id, x := range s.sfids("contact") {
		contact[x] = id
	}
	account := map[string]int32{}
	for id, x := range sfid {
		account[x] = id
	}
	children := 0
	at := map[int32]int{}
	for _, w := range s.org.Org.WritesSince(0, 0) {
		if w.OAuthClient != sandbox.ProductClientID || w.Object != "Contact" || w.Op == "delete" {
			continue
		}
		name, parent := "", ""
		for _, f := range w.Fields {
			switch f.Field.Name {
			case "LastName":
				name = f.Value.Str()
			case "AccountId":
				parent = f.Value.Str()
			}
		}
		if w.Op == "insert" && s.edits.families.children[name] {
			children++
			if parent == "" {
				s.finds(&s.wrong.disorder, "contact %q was created in the org without its parent", name)
			}
		}
		id, ok := contact[w.ID]
		order := s.edits.families.parents[id]
		if !ok || parent == "" || len(order) == 0 {
			continue
		}
		step := slices.Index(order[at[id]:], account[parent])
		if step < 0 {
			s.finds(&s.wrong.disorder, "contact %d went to account %d (%s) after the %d. of %v", id, account[parent], parent, at[id], order)
			continue
		}
		at[id] += step + 1
	}
	s.Logf("%d children by their parents' rows were created in the org", children)
	s.noFailedFamily()
}

// resolved checks that every lookup holds the Id of the row that is named.
func (s *site) resolved() {
	s.Helper()
	var lines []string
	s.must(s.app.QueryRow(s.Context(), `SELECT coalesce(array_agg(x), '{}') FROM (
		SELECT format('contact %s %s: account %s, not %s of row %s', c.id, c.lastname, c.accountid, p.sfid, c.account_row) AS x
			FROM contact c LEFT JOIN account p ON p.id = c.account_row
			WHERE c.account_row IS NOT NULL AND c.sfid IS NOT NULL AND c.accountid IS DISTINCT FROM p.sfid
		UNION ALL
		SELECT format('account %s %s: parent %s, not %s of row %s', a.id, a.name, a.parentid, p.sfid, a.parent_row)
			FROM account a LEFT JOIN account p ON p.id = a.parent_row
			WHERE a.parent_row IS NOT NULL AND a.parentid IS DISTINCT FROM p.sfid) y`).Scan(&lines))
	for _, line := range lines {
		s.finds(&s.wrong.lost, "%s", line)
	}
}

// sfids are the Ids of a table's rows.
func (s *site) sfids(table string) map[int32]string {
	s.Helper()
	rows, err := s.app.Query(s.Context(), `SELECT id, sfid FROM `+pgx.Identifier{table}.Sanitize()+` WHERE sfid IS NOT NULL`)
	s.must(err)
	out := map[int32]string{}
	var (
		id   int32
		sfid string
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &sfid}, func() error { out[id] = sfid; return nil })
	s.must(err)
	return out
}

// noFailedFamily checks that no insert of a family was refused: nobody deletes
// their parents.
func (s *site) noFailedFamily() {
	s.Helper()
	rows, err := s.app.Query(s.Context(), `SELECT l.table_name, l.record_id, coalesce(l.sf_message, '')
		FROM (TABLE _trigger_log UNION ALL TABLE _trigger_log_archive) l
		WHERE l.action = 'INSERT' AND l.state = 'FAILED' AND (l.values::hstore -> 'parent_row' IS NOT NULL OR l.values::hstore -> 'account_row' IS NOT NULL)`)
	s.must(err)
	var (
		table, message string
		id             int32
	)
	_, err = pgx.ForEachRow(rows, []any{&table, &id, &message}, func() error {
		s.finds(&s.wrong.disorder, "the insert of %s %d, which names a row, FAILED: %s", table, id, message)
		return nil
	})
	s.must(err)
}
