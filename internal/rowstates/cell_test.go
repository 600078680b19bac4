package rowstates

import (
	"fmt"
	"strings"
	"time"

	"github.com/synclinehq/syncline/internal/mapping"
)

// equal makes a row and its record.
func (c *cell) equal() {
	c.Helper()
	c.insert()
	c.rest()
	c.waits, c.record, c.entry, c.pending = false, true, 0, ""
	c.find()
}

func (c *cell) find() {
	c.Helper()
	list := c.inOrg(c.ext)
	if len(list) != 1 {
		c.Fatalf("%d records", len(list))
	}
	c.sfid, _ = list[0]["Id"].(string)
}

func (c *cell) insert() {
	c.Helper()
	c.sql(`INSERT INTO account (name, phone, external_id__c) VALUES ('old', 'old', $1)`, c.ext)
	c.row, c.waits, c.pending = true, true, "old"
	c.newest()
}

func (c *cell) change(column, value string) bool {
	c.Helper()
	c.sql(`UPDATE account SET `+column+` = $2 WHERE external_id__c = $1`, c.ext, value)
	c.waits = true
	if column == "phone" {
		c.pending = value
	}
	c.newest()
	return true
}

func (c *cell) remove() bool {
	c.Helper()
	c.sql(`DELETE FROM account WHERE external_id__c = $1`, c.ext)
	c.row, c.waits, c.deleting, c.pending = false, true, true, "deleted"
	c.newest()
	return true
}

// newest remembers the entry that is to be sent.
func (c *cell) newest() {
	c.Helper()
	if c.entry != 0 {
		return // the event's own entry does not count
	}
	var id *int32
	if err := c.app.QueryRow(c.Context(), `SELECT max(id) FROM _trigger_log WHERE state = 'NEW'`).Scan(&id); err != nil {
		c.Fatal(err)
	}
	if id != nil {
		c.entry = *id
	}
}

// make makes the record in Salesforce.
func (c *cell) make() {
	c.Helper()
	c.sfid = c.Insert("Account", "Name", "old", "Phone", "old", "External_ID__c", c.ext)
	c.record = true
}

// alive says whether the org has the record now.
func (c *cell) alive() bool {
	c.Helper()
	list := c.inOrg(c.ext)
	if len(list) == 1 && c.sfid == "" {
		c.find()
	}
	return len(list) == 1
}

func (c *cell) there(field string) bool {
	c.Helper()
	if !c.alive() {
		return false
	}
	c.later()
	c.Update("Account", c.sfid, field, "there")
	return true
}

// later lets Salesforce's clock, which counts in seconds, tell this from before.
func (c *cell) later() { c.Sandbox.Org.Clock.Step(2 * time.Second) }

func (c *cell) deleteThere() bool {
	c.Helper()
	if !c.alive() {
		return false
	}
	c.later()
	c.Delete("Account", c.sfid)
	return true
}

// seen lets the reader see it before the writer goes on. What is on its way
// stays: a changed column keeps its value, a deleted row does not come back but
// by the policy, and no second row is made for a record.
func (c *cell) seen() bool {
	c.Helper()
	c.read()
	rows := c.lines(`SELECT name, phone FROM account WHERE external_id__c = $1`, c.ext)
	switch {
	case len(rows) > 1:
		c.Errorf("a read made a second row: %v", rows)
	case c.pending == "":
	case c.pending == "deleted":
		if len(rows) > 0 && (c.account.Mapping.Policy != mapping.SalesforceWins || c.inFlight) {
			c.Errorf("a read brought the deleted row back: %v", rows)
		}
	case len(rows) == 1 && !strings.HasSuffix(rows[0], "|"+c.pending):
		c.Errorf("a read made the phone that is on its way %q, it was %q", rows[0], c.pending)
	}
	return true
}

func (c *cell) under(p mapping.Policy) bool {
	c.policy(p)
	return true
}

const (
	path    = `"path":"/composite"`
	refusal = `{"kind":"row_error","rows":1,"count":1,"code":"FIELD_CUSTOM_VALIDATION_EXCEPTION","message":"no",` + path + `}`
)

// lose sends what waits and loses the answer; nobody asks for it yet.
func (c *cell) lose(kind string) {
	c.Helper()
	c.newWriter(time.Hour)
	c.Fault(`{"kind":"` + kind + `","count":1,` + path + `}`)
	c.write()
	c.waits = false
}

func (c *cell) loseNext(kind string) bool {
	c.Helper()
	c.Fault(`{"kind":"` + kind + `","count":1,` + path + `}`)
	return true
}

func (c *cell) refuse() {
	c.Helper()
	c.Fault(refusal)
	c.write()
	c.waits, c.failed, c.pending = false, true, ""
}

func (c *cell) refuseNext() bool {
	c.Helper()
	c.Fault(refusal)
	return true
}

// byHand sets the entry's state, as a person may.
func (c *cell) byHand(state string) bool {
	c.Helper()
	if c.entry == 0 || c.waits && !c.inFlight && state == "NEW" {
		return false
	}
	c.sql(`UPDATE _trigger_log SET state = $2 WHERE id = $1`, c.entry, state)
	return true
}

// outcome tells how it ended, in the words of docs/row-states.md.
func (c *cell) outcome() string {
	c.Helper()
	rows := c.lines(`SELECT name, phone, _hc_lastop FROM account WHERE external_id__c = $1`, c.ext)
	records := c.inOrg(c.ext)
	if len(rows) > 1 || len(records) > 1 {
		return fmt.Sprintf("%d rows, %d records", len(rows), len(records))
	}
	var parts []string
	switch {
	case len(rows)+len(records) == 0:
		parts = append(parts, "gone on both sides")
	case len(records) == 0:
		parts = append(parts, "only here")
	case len(rows) == 0:
		parts = append(parts, "only there")
	default:
		parts = append(parts, c.compare(rows[0], records[0]))
	}
	return strings.Join(append(parts, c.marks()...), ", ")
}

func (c *cell) compare(row string, record map[string]any) string {
	cells := strings.Split(row, "|")
	name, _ := record["Name"].(string)
	phone, _ := record["Phone"].(string)
	if cells[0] != name || cells[1] != phone {
		return fmt.Sprintf("differ: the row has %s, the record %s", values(cells[0], cells[1]), values(name, phone))
	}
	return "equal, " + values(name, phone)
}

// values names where the two columns' values come from.
func values(name, phone string) string {
	switch {
	case phone == "":
		return "name of " + name + " and no phone"
	case name == "old" && phone == "old":
		return "all as before"
	case name == "old":
		return "phone of " + phone
	case phone == "old":
		return "name of " + name
	default:
		return "name of " + name + " and phone of " + phone
	}
}

// marks are what the log says beside.
func (c *cell) marks() []string {
	c.Helper()
	var out []string
	for _, state := range []string{"FAILED", "NEW", "PENDING"} {
		if n := len(c.lines(`SELECT id FROM _trigger_log WHERE state = $1 AND (old || coalesce("values", '') LIKE $2 OR "values" LIKE $2 OR old LIKE $2
			OR record_id IN (SELECT record_id FROM _trigger_log WHERE "values" LIKE $2))`, state, `%"`+c.ext+`"%`)); n > 0 {
			out = append(out, "`"+state+"`")
		}
	}
	if n := len(c.lines(`SELECT c.id FROM _syncline.conflict c JOIN _trigger_log l ON l.id = c.log_id
		WHERE l.record_id IN (SELECT record_id FROM _trigger_log WHERE "values" LIKE $1)`, `%"`+c.ext+`"%`)); n > 0 {
		out = append(out, "conflict logged")
	}
	if got := c.lines(`SELECT DISTINCT _hc_lastop FROM account WHERE external_id__c = $1 AND _hc_lastop IN ('PENDING', 'FAILED')`, c.ext); len(got) > 0 {
		out = append(out, "status "+got[0])
	}
	return out
}
