package rowstates

import (
	"time"

	"github.com/synclinehq/syncline/internal/mapping"
)

// cell is one row and its record in one state, to which one event happens.
type cell struct {
	*site
	ext, sfid string
	// entry is the log id of what waits, failed or is on its way; 0 if nothing.
	entry int32
	// pending is the phone that is on its way, or "deleted"; "" if nothing is.
	pending string
	// inFlight has the event happen while the call is under way.
	inFlight bool
	// row and record say which of the two is there, waits whether a change is
	// still to be sent, deleting that it is a delete.
	row, record, waits, deleting, failed, binned bool
}

// state is how a row and its record stand.
type state struct {
	name  string
	means string
	set   func(c *cell)
}

// states are the states of docs/row-states.md, in its order.
var states = []state{
	{"equal", "The row and the record hold the same; nothing waits.", func(c *cell) { c.equal() }},
	{"insert waits", "A row was inserted; its entry is `NEW`.", func(c *cell) {
		c.insert()
	}},
	{"update waits", "The phone was changed in the row; its entry is `NEW`.", func(c *cell) {
		c.equal()
		c.change("phone", "here")
	}},
	{"delete waits", "The row was deleted; its entry is `NEW`.", func(c *cell) {
		c.equal()
		c.remove()
	}},
	{"insert in flight", "Salesforce has made the record; its answer is not here yet.", func(c *cell) {
		c.insert()
		c.inFlight = true
	}},
	{"update in flight", "Salesforce has taken the new phone; its answer is not here yet.", func(c *cell) {
		c.equal()
		c.change("phone", "here")
		c.inFlight = true
	}},
	{"delete in flight", "Salesforce has deleted the record; its answer is not here yet.", func(c *cell) {
		c.equal()
		c.remove()
		c.inFlight = true
	}},
	{"insert unknown", "The answer to the insert was lost, after Salesforce had made the record.", func(c *cell) {
		c.insert()
		c.lose("drop_after")
		c.record = true
	}},
	{"update unknown", "The answer to the new phone was lost, after Salesforce had taken it.", func(c *cell) {
		c.equal()
		c.change("phone", "here")
		c.lose("drop_after")
	}},
	{"delete unknown", "The answer to the delete was lost, after Salesforce had done it.", func(c *cell) {
		c.equal()
		c.remove()
		c.lose("drop_after")
		c.record, c.binned = false, true
	}},
	{"insert failed", "Salesforce refused the new record; the entry is `FAILED`.", func(c *cell) {
		c.insert()
		c.refuse()
	}},
	{"update failed", "Salesforce refused the new phone; the entry is `FAILED`.", func(c *cell) {
		c.equal()
		c.change("phone", "here")
		c.refuse()
	}},
	{"delete failed", "Salesforce refused the delete; the entry is `FAILED`.", func(c *cell) {
		c.equal()
		c.remove()
		c.refuse()
	}},
	{"only here", "The row was put in while capture was off: it has no `sfid` and no entry.", func(c *cell) {
		c.sql(`SET syncline.capture = 'off'`)
		c.insert()
		c.sql(`RESET syncline.capture`)
		c.waits, c.entry, c.pending = false, 0, ""
	}},
	{"only there", "The record was made in Salesforce and not read yet.", func(c *cell) { c.make() }},
	{"changed there", "The phone was changed in Salesforce and not read yet.", func(c *cell) {
		c.equal()
		c.Update("Account", c.sfid, "Phone", "there")
	}},
	{"deleted there", "The record was deleted in Salesforce, which was not read yet.", func(c *cell) {
		c.equal()
		c.Delete("Account", c.sfid)
		c.record, c.binned = false, true
	}},
	{"deleted", "The row and the record are gone; the record is in Salesforce's bin.", func(c *cell) {
		c.equal()
		c.remove()
		c.rest()
		c.row, c.record, c.waits, c.deleting, c.binned, c.entry, c.pending = false, false, false, false, true, 0, ""
	}},
}

// event is what happens to a row in some state; do says false where it can't
// happen.
type event struct {
	name string
	do   func(c *cell) bool
}

// events are the events of docs/row-states.md, in its order.
var events = []event{
	{"nothing else happens", func(*cell) bool { return true }},
	{"the same column changes here", func(c *cell) bool { return c.row && c.change("phone", "later") }},
	{"another column changes here", func(c *cell) bool { return c.row && c.change("name", "here") }},
	{"the row is deleted here", func(c *cell) bool { return c.row && c.remove() }},
	{"a row with its identifier is inserted here", func(c *cell) bool {
		if c.row {
			return false
		}
		c.sql(`INSERT INTO account (name, phone, external_id__c) VALUES ('here', 'here', $1)`, c.ext)
		return true
	}},
	{"the same column changes there", func(c *cell) bool { return c.there("Phone") }},
	{"the same column changes there and is read, policy last_writer", func(c *cell) bool { return c.there("Phone") && c.seen() }},
	{"the same column changes there and is read, policy salesforce", func(c *cell) bool { return c.under(mapping.SalesforceWins) && c.there("Phone") && c.seen() }},
	{"the same column changes there and is read, policy postgres", func(c *cell) bool { return c.under(mapping.PostgresWins) && c.there("Phone") && c.seen() }},
	{"another column changes there", func(c *cell) bool { return c.there("Name") }},
	{"another column changes there and is read", func(c *cell) bool { return c.there("Name") && c.seen() }},
	{"the record is deleted there", func(c *cell) bool { return c.deleteThere() }},
	{"the record is deleted there and that is read", func(c *cell) bool { return c.deleteThere() && c.seen() }},
	{"the record is restored there", func(c *cell) bool {
		if c.binned || c.inFlight && c.deleting {
			c.undelete(c.sfid)
			return true
		}
		return false
	}},
	{"a record with its identifier is made there", func(c *cell) bool {
		if c.alive() || c.inFlight || c.record {
			return false
		}
		c.Insert("Account", "Name", "there", "Phone", "there", "External_ID__c", c.ext)
		return true
	}},
	{"both sides are read", func(c *cell) bool { return c.seen() }},
	{"Salesforce refuses it", func(c *cell) bool { return c.waits && !c.inFlight && c.refuseNext() }},
	{"the call is lost on its way", func(c *cell) bool { return c.waits && !c.inFlight && c.loseNext("drop_before") }},
	{"the answer is lost", func(c *cell) bool { return c.waits && !c.inFlight && c.loseNext("drop_after") }},
	{"the process dies", func(c *cell) bool {
		if !c.inFlight {
			c.newWriter(time.Millisecond)
		} else {
			c.turn++ // its successor has taken over: what comes in late is not stored
			c.Fence("write", c.turn)
		}
		return true
	}},
	{"the entry is set to NEW", func(c *cell) bool { return c.byHand("NEW") }},
	{"the entry is set to IGNORED", func(c *cell) bool { return c.byHand("IGNORED") }},
}
