package demo

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

type edit = func(ctx context.Context) error

// sql runs one statement as the application would: a session of its own kind,
// so the change is captured.
func (r *round) sql(ctx context.Context, statement string, args ...any) error {
	_, err := r.db.Exec(ctx, statement, args...)
	return err
}

// clash edits one row on both sides: the same column when the names agree.
func (r *round) clash(i int, column, field string) slot {
	a := r.rows["account"].take()
	return slot{
		local: func(ctx context.Context) error {
			return r.sql(ctx, "UPDATE account SET "+pgx.Identifier{column}.Sanitize()+" = $1 WHERE id = $2",
				fmt.Sprintf("+1 555 1%03d", i), a.id)
		},
		remote: func(ctx context.Context) error {
			return r.org.update(ctx, "Account", a.sfid, map[string]any{field: fmt.Sprintf("+1 555 2%03d", i)})
		},
	}
}

// deleteAgainstUpdate deletes on one side what the other edits, the sides
// taking turns. Contacts have no children that would go with them.
func (r *round) deleteAgainstUpdate(i int) slot {
	c := r.rows["contact"].take()
	if i%2 == 0 {
		return slot{
			local: func(ctx context.Context) error { return r.sql(ctx, "DELETE FROM contact WHERE id = $1", c.id) },
			remote: func(ctx context.Context) error {
				return unlessGone(r.org.update(ctx, "Contact", c.sfid, map[string]any{"Title": fmt.Sprintf("Title %d", i)}))
			},
		}
	}
	return slot{
		local: func(ctx context.Context) error {
			return r.sql(ctx, "UPDATE contact SET title = $1 WHERE id = $2", fmt.Sprintf("Title %d", i), c.id)
		},
		remote: func(ctx context.Context) error { return r.org.remove(ctx, "Contact", c.sfid) },
	}
}

// comeAndGo inserts, updates and deletes a row before anything is sent.
func (r *round) comeAndGo(i int) edit {
	ext := r.external("gone", i)
	return func(ctx context.Context) error {
		return pgx.BeginFunc(ctx, r.db, func(tx pgx.Tx) error {
			for _, statement := range []string{
				"INSERT INTO account (name, external_id__c) VALUES ('Short-lived', $1)",
				"UPDATE account SET name = 'Shorter-lived' WHERE external_id__c = $1",
				"DELETE FROM account WHERE external_id__c = $1",
			} {
				if _, err := tx.Exec(ctx, statement, ext); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func (r *round) comeAndGoThere(i int) edit {
	ext := r.external("sf-gone", i)
	return func(ctx context.Context) error {
		id, err := r.org.create(ctx, "Account", map[string]any{"Name": "Short-lived", "External_ID__c": ext})
		if err != nil {
			return err
		}
		if err := r.org.update(ctx, "Account", id, map[string]any{"Name": "Shorter-lived"}); err != nil {
			return err
		}
		return r.org.remove(ctx, "Account", id)
	}
}

// family inserts a parent and its child in one transaction; the child names
// its parent by external ID, since neither has an Id yet.
func (r *round) family(i int) edit {
	ext := r.external("family", i)
	return func(ctx context.Context) error {
		return pgx.BeginFunc(ctx, r.db, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "INSERT INTO account (name, external_id__c, industry) VALUES ($1, $2, 'Energy')",
				fmt.Sprintf("Family %d", i), ext); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "INSERT INTO contact (lastname, external_id__c, account__external_id__c) VALUES ($1, $2, $3)",
				fmt.Sprintf("Child %d", i), ext+"-c", ext)
			return err
		})
	}
}

func (r *round) familyThere(i int) edit {
	ext := r.external("sf-family", i)
	return func(ctx context.Context) error {
		id, err := r.org.create(ctx, "Account", map[string]any{"Name": fmt.Sprintf("Family there %d", i), "External_ID__c": ext})
		if err != nil {
			return err
		}
		_, err = r.org.create(ctx, "Contact", map[string]any{
			"LastName": fmt.Sprintf("Child there %d", i), "External_ID__c": ext + "-c", "AccountId": id,
		})
		return err
	}
}

// refused breaks the demo org's validation rule, by update and by insert.
func (r *round) refused(i int) edit {
	if i%2 == 1 {
		return func(ctx context.Context) error {
			return r.sql(ctx, "INSERT INTO account (name, external_id__c, numberofemployees) VALUES ($1, $2, -1)",
				fmt.Sprintf("Refused %d", i), r.external("refused", i))
		}
	}
	a := r.rows["account"].take()
	return func(ctx context.Context) error {
		return r.sql(ctx, "UPDATE account SET numberofemployees = $1 WHERE id = $2", -1-i, a.id)
	}
}

// plain is an edit that nobody else's touches.
func (r *round) plain(i int) edit {
	switch n := r.rnd.IntN(10); {
	case n < 4:
		return r.plainUpdate("Account", "account", "Site", "site", fmt.Sprintf("Hall %d", i))
	case n < 6:
		return r.plainUpdate("Contact", "contact", "Department", "department", fmt.Sprintf("Section %d", i))
	case n < 7:
		return r.plainUpdate("Project__c", "project__c", "Notes__c", "notes__c", fmt.Sprintf("Note %d, \"quoted\"\nand \\ more", i))
	case n < 9:
		return func(ctx context.Context) error {
			return r.sql(ctx, `INSERT INTO project__c (name, external_id__c, status__c, budget__c, start__c, done__c)
				VALUES ($1, $2, 'Active', 1234.5, '2026-11-22', true)`, fmt.Sprintf("Project %d", i), r.external("project", i))
		}
	default:
		p := r.rows["project__c"].take()
		return func(ctx context.Context) error { return r.sql(ctx, "DELETE FROM project__c WHERE id = $1", p.id) }
	}
}

func (r *round) plainUpdate(object, table, field, column, value string) edit {
	target := r.rows[table].take()
	return func(ctx context.Context) error {
		err := r.sql(ctx, fmt.Sprintf("UPDATE %s SET %s = $1 WHERE id = $2",
			pgx.Identifier{table}.Sanitize(), pgx.Identifier{column}.Sanitize()), value, target.id)
		r.timeLocal(probe{object: object, table: table, sfid: target.sfid, field: field, column: column, value: value})
		return err
	}
}

func (r *round) plainThere(i int) edit {
	switch n := r.rnd.IntN(10); {
	case n < 4:
		return r.plainUpdateThere("Account", "account", "Fax", "fax", fmt.Sprintf("+49 30 %04d", i))
	case n < 6:
		return r.plainUpdateThere("Opportunity", "opportunity", "NextStep", "nextstep", fmt.Sprintf("Call %d", i))
	case n < 7:
		return r.plainUpdateThere("Contact", "contact", "Title", "title", fmt.Sprintf("Chief %d", i))
	case n < 9:
		return func(ctx context.Context) error {
			_, err := r.org.create(ctx, "Contact", map[string]any{
				"LastName": fmt.Sprintf("Newcomer %d", i), "Birthdate": "1984-02-29", "External_ID__c": r.external("sf-contact", i),
			})
			return err
		}
	default:
		o := r.rows["opportunity"].take()
		return func(ctx context.Context) error { return r.org.remove(ctx, "Opportunity", o.sfid) }
	}
}

func (r *round) plainUpdateThere(object, table, field, column, value string) edit {
	target := r.rows[table].take()
	return func(ctx context.Context) error {
		err := r.org.update(ctx, object, target.sfid, map[string]any{field: value})
		r.timeRemote(probe{object: object, table: table, sfid: target.sfid, field: field, column: column, value: value})
		return err
	}
}

// external is a unique identifier of this round; a seed may be played again on
// a database that keeps its rows.
func (r *round) external(what string, i int) string {
	return fmt.Sprintf("demo-%s-%d-%d", what, r.seed, i)
}

// unlessGone forgives an edit of a record that the other side's delete has
// already reached: then the race is over before it began.
func unlessGone(err error) error {
	if err != nil && isGone(err) {
		return nil
	}
	return err
}
