package org

import "time"

// Switches are behaviours of an org that differ between orgs or that are not
// settled; a test suite draws them by its seed. The zero value is the calmest
// org. Field names are those of the control plane's JSON.
type Switches struct {
	// LateVisibility makes commits late.
	LateVisibility LateVisibility `json:"lateVisibility"`
	// SilentLookupClear: a lookup that is cleared because its target was
	// deleted keeps the record's SystemModstamp.
	SilentLookupClear bool `json:"silentLookupClear"`
	// JSONErrorScope says what a wrongly typed value fails: "call" (or "") the
	// whole collection, "row" only its record.
	JSONErrorScope string `json:"jsonErrorScope,omitempty"`
	// PageRows caps the rows of a query page below what the client asked for;
	// 0 is no cap.
	PageRows int `json:"pageRows"`
	// ShrinkWidePages makes pages of queries with two or more long text fields
	// 200 rows at most.
	ShrinkWidePages bool `json:"shrinkWidePages"`
	// LocatorSeconds is how long a query locator lives; 0 is two days.
	LocatorSeconds int `json:"locatorSeconds"`
	// RotateRefresh makes every client rotate refresh tokens.
	RotateRefresh bool `json:"rotateRefresh"`
	// SessionSeconds is how long an access token lives unused; 0 is two hours.
	SessionSeconds int `json:"sessionSeconds"`
	// DailyRequests is the daily quota of API calls; 0 is 5,000,000.
	DailyRequests int `json:"dailyRequests"`
	// MinuteReplication cuts the window of getUpdated and getDeleted to whole
	// minutes.
	MinuteReplication bool `json:"minuteReplication"`
	// LockWaitSeconds is how long a write waits for a locked row; 0 is ten.
	LockWaitSeconds int `json:"lockWaitSeconds"`
	// NoParentLocks keeps a write of a record from locking the parents that it
	// belongs to until its transaction ends, as it does in a real org.
	NoParentLocks bool `json:"noParentLocks"`
	// HoldMS is how long a transaction of API calls takes for each 200 of its
	// records, besides the time that it really takes: so long it stays open, with
	// its locks, before it commits.
	HoldMS int `json:"holdMs"`
	// ArchiveDays is the age of activities that are archived when the control
	// plane asks for it; 0 is 365.
	ArchiveDays int `json:"archiveDays"`
	// LongCallMS is from when on a call is long; 0 is 20 s. MaxLongCalls is how
	// many may run at once; 0 is 25.
	LongCallMS   int `json:"longCallMs"`
	MaxLongCalls int `json:"maxLongCalls"`
	// Bulk is how Bulk API 2.0 behaves.
	Bulk BulkSwitches `json:"bulk"`
	// Events is how change events behave.
	Events EventSwitches `json:"events"`
}

// EventSwitches are the behaviours of the event bus.
type EventSwitches struct {
	// DelayMS is how long after its commit an event can be read.
	DelayMS int `json:"delayMs"`
	// KeepaliveSeconds is after how long without events a subscriber gets an
	// empty response; 0 is 270.
	KeepaliveSeconds int `json:"keepaliveSeconds"`
	// IdleSeconds is how long a stream that asks for nothing stays open; 0 is
	// 60.
	IdleSeconds int `json:"idleSeconds"`
	// MaxEntities is how many objects can be selected; 0 is five.
	MaxEntities int `json:"maxEntities"`
	// DailyDeliveries is the quota of delivered events in 24 hours; 0 is
	// 1,000,000.
	DailyDeliveries int `json:"dailyDeliveries"`
	// OverflowAfter is after how many changes of one transaction its further
	// ones become GAP_OVERFLOW; 0 is 100,000. In an update each changed field
	// counts.
	OverflowAfter int `json:"overflowAfter"`
	// MaxBytes is the size above which an event becomes a gap; 0 is 1,000,000.
	MaxBytes int `json:"maxBytes"`
	// SilentHardDelete: a hard delete by Bulk makes no event.
	SilentHardDelete bool `json:"silentHardDelete"`
	// NoMerge keeps equal changes of one transaction in events of their own.
	NoMerge bool `json:"noMerge"`
}

// BulkSwitches are the behaviours of Bulk API 2.0.
type BulkSwitches struct {
	// QueueMS is how long a job stays in UploadComplete, RunMS how much longer
	// than its work it stays InProgress.
	QueueMS int `json:"queueMs"`
	RunMS   int `json:"runMs"`
	// PageRows is the size of a page of results for who does not say; 0 is
	// 250,000. No page is larger, whatever the client asks for, if it is set.
	PageRows int `json:"pageRows"`
	// NextPageKey is the spelling of the link in resultPages; "" is
	// nextRecordsUrl.
	NextPageKey string `json:"nextPageKey,omitempty"`
	// ResultOrder of ingest results: "file" (or ""), "reverse" or "shuffle".
	ResultOrder string `json:"resultOrder,omitempty"`
	// FieldChars is the longest value in an upload; 0 is 131,072.
	FieldChars int `json:"fieldChars"`
	// DailyQueryJobs and DailyBatches are the quotas of 24 hours; 0 is 10,000
	// and 15,000.
	DailyQueryJobs int `json:"dailyQueryJobs"`
	DailyBatches   int `json:"dailyBatches"`
	// NoHardDelete takes the permission of hardDelete from everybody.
	NoHardDelete bool `json:"noHardDelete"`
}

// LateVisibility holds a share of the transactions open between their writes
// (which take the stamp) and their commit (from which on others see them).
type LateVisibility struct {
	MinMS int `json:"minMs"`
	MaxMS int `json:"maxMs"`
	// Probability of a transaction to be late; 0 with a MaxMS means all.
	Probability float64 `json:"probability"`
	Seed        uint64  `json:"seed"`
	// OAuthClient limits the delay to one client's transactions; "" is all.
	OAuthClient string `json:"oauthClient,omitempty"`
	// ReplyEarly answers the writer before the commit. A real org does not;
	// it stands for work that goes on after a call, such as queued Apex.
	ReplyEarly bool `json:"replyEarly"`
}

func (s *Switches) lockWait() time.Duration {
	if s.LockWaitSeconds > 0 {
		return time.Duration(s.LockWaitSeconds) * time.Second
	}
	return 10 * time.Second
}

// Daily is the quota of API calls in 24 hours.
func (s *Switches) Daily() int {
	if s.DailyRequests > 0 {
		return s.DailyRequests
	}
	return 5_000_000
}

// hold is how long a transaction stays open for the work that a real org would
// do in it.
func (tx *Tx) hold() time.Duration {
	if tx.actor.System {
		return 0
	}
	return time.Duration(tx.org.switches.Load().HoldMS) * time.Millisecond * time.Duration(len(tx.order)) / 200
}

// delay draws how late a transaction commits.
func (o *Org) delay(a *Actor) time.Duration {
	if a.CommitDelay > 0 {
		return a.CommitDelay
	}
	l := o.switches.Load().LateVisibility
	if l.MaxMS <= 0 || (l.OAuthClient != "" && l.OAuthClient != a.OAuthClient) {
		return 0
	}
	o.randMu.Lock()
	defer o.randMu.Unlock()
	if l.Probability > 0 && o.rand.Float64() >= l.Probability {
		return 0
	}
	ms := l.MinMS
	if l.MaxMS > l.MinMS {
		ms += o.rand.IntN(l.MaxMS - l.MinMS + 1)
	}
	return time.Duration(ms) * time.Millisecond
}
