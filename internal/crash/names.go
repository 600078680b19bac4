package crash

import "slices"

// Name names a point at which the process can be made to die.
type Name string

// The points. The name says the room, the work, and the moment.
const (
	// ReaderLoadInCopy is inside the COPY of a page, with rows sent and the COPY open.
	ReaderLoadInCopy Name = "reader.load.in_copy"
	// ReaderLoadAfterPageBeforeCommit is after a page's rows and mark are written, before the commit.
	ReaderLoadAfterPageBeforeCommit Name = "reader.load.after_page_before_commit"
	// ReaderLoadAfterCommit is right after the commit of a page and its mark.
	ReaderLoadAfterCommit Name = "reader.load.after_commit"
	// ReaderLoadAfterIndex is after one index of a loaded table is built, with others and the trigger missing.
	ReaderLoadAfterIndex Name = "reader.load.after_index"

	// ReaderPollAfterFetch is with a page of changes in memory and nothing written.
	ReaderPollAfterFetch Name = "reader.poll.after_fetch"
	// ReaderPollBeforeCommit is after merge and mark, before the commit.
	ReaderPollBeforeCommit Name = "reader.poll.before_commit"
	// ReaderPollAfterCommit is right after the commit of changes and mark.
	ReaderPollAfterCommit Name = "reader.poll.after_commit"

	// WriterAfterClaimBeforeCommit is with entries claimed and intents written, before the commit.
	WriterAfterClaimBeforeCommit Name = "writer.after_claim_before_commit"
	// WriterAfterClaim is with claim and intents committed and no journal entry.
	WriterAfterClaim Name = "writer.after_claim"
	// WriterAfterJournalSending is with "sending" in the journal and nothing sent.
	WriterAfterJournalSending Name = "writer.after_journal_sending"
	// WriterAfterSendBeforeReply is with the request sent and the reply not read.
	WriterAfterSendBeforeReply Name = "writer.after_send_before_reply"
	// WriterAfterReplyBeforeJournal is with the reply in memory only.
	WriterAfterReplyBeforeJournal Name = "writer.after_reply_before_journal"
	// WriterAfterJournalAccepted is with "accepted" in the journal and the entries still pending.
	WriterAfterJournalAccepted Name = "writer.after_journal_accepted"
	// WriterBeforeSettleCommit is with the entries settled, before the commit.
	WriterBeforeSettleCommit Name = "writer.before_settle_commit"
	// WriterAfterSettle is right after the commit that settles the entries.
	WriterAfterSettle Name = "writer.after_settle"
	// WriterAfterJobCreated is with a Bulk job made that nobody knows of.
	WriterAfterJobCreated Name = "writer.after_job_created"
	// WriterAfterJobNoted is with a Bulk job's id in the journal and no data in the job.
	WriterAfterJobNoted Name = "writer.after_job_noted"
	// WriterAfterJobUploaded is with a Bulk job that has its data and was not started.
	WriterAfterJobUploaded Name = "writer.after_job_uploaded"
	// WriterAfterJobStarted is right after a Bulk job was started.
	WriterAfterJobStarted Name = "writer.after_job_started"
	// WriterInJobSettle is with a part of a Bulk job's records settled.
	WriterInJobSettle Name = "writer.in_job_settle"
	// WriterInArchive is inside the transaction that moves settled entries to the archive.
	WriterInArchive Name = "writer.in_archive"

	// SchemaInDDL is inside the transaction that makes or changes the schema.
	SchemaInDDL Name = "schema.in_ddl"
	// SchemaAfterDDL is right after its commit, before the mapping's state is stored.
	SchemaAfterDDL Name = "schema.after_ddl"
	// StoreInMigration is inside a migration of the control store.
	StoreInMigration Name = "store.in_migration"

	// EngineAfterFenceControl is with the fence raised in the control store only.
	EngineAfterFenceControl Name = "engine.after_fence_control"
	// EngineAfterFenceTarget is with the fence raised in both databases and no work done.
	EngineAfterFenceTarget Name = "engine.after_fence_target"

	// AuthAfterRefreshBeforeStore is with a new token from Salesforce that is not yet stored.
	AuthAfterRefreshBeforeStore Name = "auth.after_refresh_before_store"
	// ImportAfterPlan is with a configuration import planned and nothing of it done.
	ImportAfterPlan Name = "import.after_plan"
)

var all = [...]Name{
	ReaderLoadInCopy,
	ReaderLoadAfterPageBeforeCommit,
	ReaderLoadAfterCommit,
	ReaderLoadAfterIndex,
	ReaderPollAfterFetch,
	ReaderPollBeforeCommit,
	ReaderPollAfterCommit,
	WriterAfterClaimBeforeCommit,
	WriterAfterClaim,
	WriterAfterJournalSending,
	WriterAfterSendBeforeReply,
	WriterAfterReplyBeforeJournal,
	WriterAfterJournalAccepted,
	WriterBeforeSettleCommit,
	WriterAfterSettle,
	WriterAfterJobCreated,
	WriterAfterJobNoted,
	WriterAfterJobUploaded,
	WriterAfterJobStarted,
	WriterInJobSettle,
	WriterInArchive,
	SchemaInDDL,
	SchemaAfterDDL,
	StoreInMigration,
	EngineAfterFenceControl,
	EngineAfterFenceTarget,
	AuthAfterRefreshBeforeStore,
	ImportAfterPlan,
}

// Names lists all points, sorted.
func Names() []Name {
	names := slices.Clone(all[:])
	slices.Sort(names)
	return names
}
