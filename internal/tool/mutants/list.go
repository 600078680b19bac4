package main

// The packages whose tests are named more than once.
const (
	pkgApply  = "./internal/apply"
	pkgStore  = "./internal/store"
	pkgTarget = "./internal/target"
	pkgWriter = "./internal/writer"
	pkgPlan   = "./internal/writer/plan"
	pkgReader = "./internal/reader"
)

// scenarios drive every path of apply over one list of cases.
var scenarios = tests{pkgApply, "^TestScenariosByEveryPath$"}

// mutations are all of them, by room.
var mutations = []mutation{
	{
		Name: "target: no fence check in Write", Invariant: "I13", File: "internal/target/session.go",
		Old:   `db.switches(o.Limits) + "; " + f.check()`,
		New:   `db.switches(o.Limits)`,
		Tests: []tests{{pkgTarget, "^TestWriteCountsOnlyUnderItsFence$"}},
	},
	{
		Name: "target: the fence check takes no lock", Invariant: "I13", File: "internal/target/migrations/0001_foundation.sql",
		Old:   "AND f.number = $4\n       FOR SHARE;",
		New:   "AND f.number = $4;",
		Tests: []tests{{pkgTarget, "^TestRaiseWaitsForTheTransactionOfTheOldTurn$"}},
	},
	{
		Name: "target: a fence goes down", Invariant: "I13", File: "internal/target/fence.go",
		Old:   "WHERE f.number <= EXCLUDED.number",
		New:   "WHERE true",
		Tests: []tests{{pkgTarget, "^TestRaiseGoesOnlyUpwards$"}},
	},
	{
		Name: "target: our sessions are captured", Invariant: "I7", File: "internal/target/session.go",
		Old:   "set_config('xmlbinary', 'hex', true)",
		New:   "set_config('xmlbinary', 'base64', true)",
		Tests: []tests{{pkgTarget, "^TestSwitchesAreLocalAndSurviveRoleSettings$"}, scenarios},
	},
	{
		Name: "store: no fence check in Sending", Invariant: "I13", File: "internal/store/journal.go",
		Old:   "AND number = $4 FOR SHARE),\n\t\twritten AS (",
		New:   "AND number >= $4 FOR SHARE),\n\t\twritten AS (",
		Tests: []tests{{pkgStore, "^(TestJournalRefusals|TestNoSendingCommitsAfterARaise)$"}},
	},
	{
		Name: "store: Sending takes no lock on the fence", Invariant: "I13", File: "internal/store/journal.go",
		Old:   "AND number = $4 FOR SHARE),\n\t\twritten AS (",
		New:   "AND number = $4),\n\t\twritten AS (",
		Tests: []tests{{pkgStore, "^(TestNoSendingCommitsAfterARaise|TestSendingWaitsForRaise)$"}},
	},
	{
		Name: "store: no fence check in NoteJob", Invariant: "I13", File: "internal/store/journaljob.go",
		Old:   "AND number = $4 FOR SHARE),\n\t\twritten AS (",
		New:   "AND number >= $4 FOR SHARE),\n\t\twritten AS (",
		Tests: []tests{{pkgStore, "^TestJobOfACall$"}},
	},
	{
		Name: "writer: a job starts without leave", Invariant: "I6", File: "internal/writer/jobs.go",
		Old:   "err := w.cfg.Journal.NoteJob(ctx, fence, j.call.batch, j.id)\n\tif err == nil {",
		New:   "var err error\n\tif err == nil {",
		Tests: []tests{{pkgWriter, "^TestOvertakenTurnStartsNoJob$"}},
	},
	{
		Name: "writer: equal inserts of a job get records of settled ones", Invariant: "I2", File: "internal/writer/results.go",
		Old:   "list = slices.DeleteFunc(list, func(f found) bool { return foreign[f.row.ID] })",
		New:   "_ = foreign",
		Tests: []tests{{pkgWriter, "^TestJobHalfSettled$"}},
	},
	{
		Name: "store: StartTurn ignores the generation", Invariant: "I13", File: "internal/store/turn.go",
		Old:   "AND generation <= $4\n\t\tRETURNING wake_seq",
		New:   "RETURNING wake_seq",
		Tests: []tests{{pkgStore, "^TestTurnGenerations$"}},
	},
	{
		Name: "store: a save that is repeated counts again", Invariant: "I9", File: "internal/store/apicall.go",
		Old:   "WHERE b.seq < excluded.seq`",
		New:   "WHERE true`",
		Tests: []tests{{pkgStore, "^TestCallsAddUp$"}},
	},
	{
		Name: "salesforce: nobody asks the budget", Invariant: "I9", File: "internal/salesforce/request.go",
		Old:   "if err := c.allow(ctx, r.kind); err != nil {",
		New:   "if err := error(nil); err != nil {",
		Tests: []tests{{"./internal/manage", "^TestBudget$"}},
	},
	{
		Name: "store: a second answer replaces the first", Invariant: "I6", File: "internal/store/journal.go",
		Old:   "WHERE j.id = r.id AND j.state = 'sending')",
		New:   "WHERE j.id = r.id)",
		Tests: []tests{{pkgStore, "^TestJournalOfACall$"}},
	},
	{
		Name: "outbox: intents are not stored", Invariant: "I6", File: "internal/outbox/intent.go",
		Old:   "\ta := arrangeIntents(intents)\n",
		New:   "\treturn nil\n\ta := arrangeIntents(intents)\n",
		Tests: []tests{{pkgWriter, "^TestRecoverByJournal$"}},
	},
	{
		Name: "outbox: writes accepted meanwhile are passed over", Invariant: "I4", File: "internal/outbox/intent.go",
		Old:   "OR settled_at >= $6)",
		New:   "OR settled_at - interval '100 years' >= $6)",
		Tests: []tests{scenarios},
	},
	{
		Name: "triggerlog: nothing is unsettled", Invariant: "I5", File: "internal/triggerlog/log.go",
		Old:   `	return l.collect(ctx, q, "read unsettled trigger log entries",`,
		New:   "\treturn nil, nil\n" + `	return l.collect(ctx, q, "read unsettled trigger log entries",`,
		Tests: []tests{scenarios},
	},
	{
		Name: "triggerlog: a late insert revives no delete", Invariant: "I3", File: "internal/triggerlog/log.go",
		Old:   "table string, rows []Revival) (int, error) {\n\tif len(rows) == 0 {",
		New:   "table string, rows []Revival) (int, error) {\n\tif true {",
		Tests: []tests{{pkgWriter, "^TestInsertThatIsDeletedWhileItIsSent$"}},
	},
	{
		Name: "triggerlog: settling overwrites a person's state", Invariant: "I5", File: "internal/triggerlog/log.go",
		Old:   "WHERE t.id = o.id AND t.state IN ('NEW', 'PENDING')",
		New:   "WHERE t.id = o.id",
		Tests: []tests{{"./internal/triggerlog", "^TestSettle$"}},
	},
	{
		Name: "apply: rows are not locked", Invariant: "I5", File: "internal/apply/statements.go",
		Old:   `lock:  n.find() + " ORDER BY id FOR UPDATE SKIP LOCKED",`,
		New:   `lock:  n.find(),`,
		Tests: []tests{scenarios},
	},
	{
		Name: "apply: an unchanged row is written", Invariant: "I7", File: "internal/apply/statements.go",
		Old:   `guard := fmt.Sprintf("ROW(%s) IS DISTINCT FROM ROW(%s)", strings.Join(ours, ", "), strings.Join(theirs, ", "))`,
		New:   `guard := "true"`,
		Tests: []tests{scenarios, {pkgApply, "^TestAnUnchangedBatchWritesNothing$"}},
	},
	{
		Name: "apply: a deleted row comes back", Invariant: "I3", File: "internal/apply/decide.go",
		Old:   "\tchanged, err := a.changedSince(entries, del, values)\n",
		New:   "\tp.insert = append(p.insert, staged{values: values})\n\tchanged, err := a.changedSince(entries, del, values)\n",
		Tests: []tests{scenarios},
	},
	{
		Name: "apply: a create on its way is inserted once more", Invariant: "I2", File: "internal/apply/decide.go",
		Old:   "if a.mayBe(blind, values) {",
		New:   "if false && a.mayBe(blind, values) {",
		Tests: []tests{scenarios},
	},
	{
		Name: "apply: a record with an open intent is applied", Invariant: "I4", File: "internal/apply/decide.go",
		Old:   "if intent.State != outbox.Settled {",
		New:   "if intent.State == \"never\" {",
		Tests: []tests{scenarios},
	},
	{
		Name: "salesforce: a late write is sent", Invariant: "I6", File: "internal/salesforce/write.go",
		Old:   "sendBefore: w.SendBefore,",
		New:   "sendBefore: time.Time{},",
		Tests: []tests{{"./internal/salesforce", "^TestWriteTooLate"}},
	},
	{
		Name: "plan: records with an open intent don't wait", Invariant: "I6", File: "internal/writer/plan/held.go",
		Old:   "\t\th.marks.own.add(keysOf(appendKeys(nil, i.Table, i.RecordID, i.Sfid, i.ExternalID)))\n",
		New:   "",
		Tests: []tests{{pkgPlan, "^TestHeldRecordsWaitAlone$"}, {pkgWriter, "^TestUnknownUpdateGoesBeforeNewerOnes$"}},
	},
	{
		Name: "plan: what was passed over is forgotten", Invariant: "I5", File: "internal/writer/plan/held.go",
		Old:   "\th.marks.absorb(&o.marks)\n",
		New:   "",
		Tests: []tests{{pkgPlan, "^(TestHeldThatIsAbsorbed|TestAlgorithmsKeepTheirPromises)$"}},
	},
	{
		Name: "writer: what comes in front of those that wait is passed over", Invariant: "I5", File: "internal/writer/look.go",
		Old:   "return got == f, nil",
		New:   "return got.to == f.to, nil",
		Tests: []tests{{pkgWriter, "^TestEntryThatComesInFrontOfThoseThatWait$"}},
	},
	{
		Name: "plan: a row that came and went is sent", Invariant: "I3", File: "internal/writer/plan/decide.go",
		Old:   "if del, ok := p.deleteAfter(e); ok && !here {",
		New:   "if del, ok := p.deleteAfter(e); false && ok && !here {",
		Tests: []tests{{pkgPlan, "^TestOrdered$"}, {pkgWriter, "^TestInsertThatIsDeletedBeforeItIsSent$"}},
	},
	{
		Name: "plan: a child does not wait for its parent", Invariant: "I1", File: "internal/writer/plan/plan.go",
		Old:   "case d.item != nil && len(d.waits) > 0:",
		New:   "case false:",
		Tests: []tests{{pkgPlan, "^(TestPromises|TestMerged)$"}, {pkgWriter, "^TestChildBeforeItsParentInTheLog$"}},
	},
	{
		Name: "plan: the Id of another object is deleted", Invariant: "I2", File: "internal/writer/plan/decide.go",
		Old:   "case e.Sfid != \"\" && !isID(t, e.Sfid):",
		New:   "case false:",
		Tests: []tests{{pkgWriter, "^TestUntrustedEntries$"}},
	},
	{
		Name: "writer: the second update of a knot is forgotten", Invariant: "I1", File: "internal/writer/claim.go",
		Old:   "if err := w.recapture(ctx, tx, p); err != nil {",
		New:   "if err := error(nil); err != nil {",
		Tests: []tests{{pkgWriter, "^TestRowsThatNameEachOther$"}},
	},
	{
		Name: "writer: the brake does not hold", Invariant: "I2", File: "internal/writer/guard.go",
		Old:   "in.Braked[name] = held",
		New:   "in.Braked[name] = false && held",
		Tests: []tests{{pkgWriter, "^TestMassDeleteIsHeld$"}},
	},
	{
		Name: "writer: a call goes out without a journal", Invariant: "I6", File: "internal/writer/send.go",
		Old:   "err := w.cfg.Journal.Sending(ctx, fence, c.batch, entriesOf(c.intents))\n\tif err == nil {",
		New:   "var err error\n\tif err == nil {",
		Tests: []tests{{pkgWriter, "^(TestRecoverByJournal|TestJournalThatIsDown|TestOvertakenTurnSendsNothing)$"}},
	},
	{
		// The time and Salesforce's own word stand in for each other, so both go.
		Name: "writer: a lost insert is final at once", Invariant: "I6", File: "internal/writer/search.go",
		Old: "arrived, never, unclear := match(t, lost, records)\n\tfor _, c := range calls {\n" +
			"\t\tif err := w.arrived(ctx, fence, c, arrived, p); err != nil {\n\t\t\treturn err\n\t\t}\n\t}\n" +
			"\tif len(never) > 0 && w.complete(ctx, t, o.now.Sub(newest(never))) {",
		New: "for i := range lost {\n\t\tlost[i].final = true\n\t}\n\tarrived, never, unclear := match(t, lost, records)\n" +
			"\tfor _, c := range calls {\n\t\tif err := w.arrived(ctx, fence, c, arrived, p); err != nil {\n\t\t\treturn err\n\t\t}\n\t}\n" +
			"\tif len(never) > 0 {",
		Tests: []tests{{pkgWriter, "^(TestLostInsertsThatDidNotArrive|TestInsertThatArrivesLate)$"}},
	},
	{
		Name: "writer: open transactions of Salesforce are not waited for", Invariant: "I6", File: "internal/writer/search.go",
		Old:   "if len(never) > 0 && w.complete(ctx, t, o.now.Sub(newest(never))) {",
		New:   "if len(never) > 0 {",
		Tests: []tests{{pkgWriter, "^TestLostInsertWaitsForOpenTransactions$"}},
	},
	{
		Name: "writer: a call of another turn is made again at once", Invariant: "I6", File: "internal/writer/recover.go",
		Old:   "wait > 0 && !w.isOwn(c.batch) {",
		New:   "false && wait > 0 && !w.isOwn(c.batch) {",
		Tests: []tests{{pkgWriter, "^TestUnknownUpdateGoesBeforeNewerOnes$"}},
	},
	{
		Name: "reader: the mark of a load is not stored", Invariant: "I8", File: "internal/reader/load.go",
		Old:   "\t\tif err := l.r.store(ctx, tx, l.table, next); err != nil {\n\t\t\treturn err\n\t\t}\n\t\tcrash.Point(crash.ReaderLoadAfterPageBeforeCommit)",
		New:   "\t\tcrash.Point(crash.ReaderLoadAfterPageBeforeCommit)",
		Tests: []tests{{pkgReader, "^TestPollIsDueByInterval$"}},
	},
	{
		Name: "reader: the mark of a poll is not stored", Invariant: "I8", File: "internal/reader/poll.go",
		Old:   "\t\tif err := p.r.store(ctx, tx, p.table, next); err != nil {\n\t\t\treturn err\n\t\t}\n\t\tif res.Changes() > 0 {",
		New:   "\t\tif res.Changes() > 0 {",
		Tests: []tests{{pkgReader, "^TestPollIsDueByInterval$"}},
	},
	{
		Name: "reader: a poll does not overlap the one before", Invariant: "I1", File: "internal/reader/poll.go",
		Old:   "window{From: p.mark.Stamp.Add(-p.r.settings.Overlap)}",
		New:   "window{From: p.mark.Stamp}",
		Tests: []tests{{pkgReader, "^TestPollsOverlap$"}},
	},
	{
		Name: "reader: missing records are taken for a whole page", Invariant: "I1", File: "internal/reader/query.go",
		Old:   "case page.Done && p.read != p.total, p.read > p.total:",
		New:   "case p.read > p.total && p.read < p.total:",
		Tests: []tests{{pkgReader, "^TestAShortPageIsNoSuccess$"}},
	},
	{
		Name: "reader: polls begin where the load ended", Invariant: "I1", File: "internal/reader/load.go",
		Old:   "if m.LoadStarted.IsZero() {",
		New:   "if true {",
		Tests: []tests{{pkgReader, "^TestChangesDuringALoadAreNotMissed$"}},
	},
	{
		Name: "reader: records on one stamp are passed by", Invariant: "I1", File: "internal/reader/query.go",
		Old:   "(%[1]s > %[2]s OR (%[1]s = %[2]s AND Id > '%[3]s'))",
		New:   "(%[1]s > %[2]s AND Id != '%[3]s')",
		Tests: []tests{{pkgReader, "^TestBugOfOthers$/airbyte_17148"}},
	},
	{
		Name: "reader: a cursor that expired ends the poll", Invariant: "I1", File: "internal/reader/poll.go",
		Old:   "if p.started && salesforce.CursorExpired(err) {",
		New:   "if false {",
		Tests: []tests{{pkgReader, "^TestBugOfOthers$/estuary_4917"}},
	},
	{
		Name: "reader: missing records are not looked for again", Invariant: "I3", File: "internal/reader/reconcile.go",
		Old:   "case m.Due > 0 && m.Due <= maxByID:",
		New:   "case m.Due < 0:",
		Tests: []tests{{pkgReader, "^TestHardDeletesAreFoundByComparingIDs$"}},
	},
	{
		Name: "reader: one look is enough", Invariant: "I2", File: "internal/reader/compareids.go",
		Old:   "noteMissing(ctx, tx, c.poll, gone, 0)",
		New:   "noteMissing(ctx, tx, c.poll, gone, 1)",
		Tests: []tests{{pkgReader, "^TestADeletionIsLookedForTwice$"}},
	},
	{
		Name: "reader: no brake on what is missing", Invariant: "I3", File: "internal/reader/missing.go",
		Old:   "if err != nil || answer == brake.Held {",
		New:   "if err != nil {",
		Tests: []tests{{pkgReader, "^(TestALostPermissionIsHeld|TestAfterAChangeOfUserAnyDeletionIsHeld)$"}},
	},
	{
		Name: "reader: no brake on polls", Invariant: "I3", File: "internal/reader/keepback.go",
		Old:   "case brake.Held, brake.Discarded:",
		New:   "case brake.Answer(-1):",
		Tests: []tests{{pkgReader, "^TestAnEmptiedOrgIsHeld$"}},
	},
	{
		Name: "reader: rows that left the filter are not looked for", Invariant: "I1", File: "internal/reader/leavers.go",
		Old:   "if p.seen == nil || stamp(p.table) == \"\" {",
		New:   "if true {",
		Tests: []tests{{pkgReader, "^TestOnlyRecordsThatMeetTheFilterHaveRows$"}},
	},
	{
		Name: "apply: one refused row stops all", Invariant: "I1", File: "internal/apply/clash.go",
		Old:   "if !isClash(err) && !isRefusal(err) {",
		New:   "if !isClash(err) {",
		Tests: []tests{{pkgApply, "^TestARefusedRecordIsSetAside$"}, {pkgReader, "^TestBugOfOthers$/many_tools:_one_bad_row"}},
	},
	{
		Name: "apply: rows written since are removed", Invariant: "I5", File: "internal/apply/gone.go",
		Old:   "if want[r.sfid] == version {",
		New:   "if want[r.sfid] != \"\" {",
		Tests: []tests{{pkgApply, "^TestRemoveLeavesRowsThatAreInUse$"}},
	},
	{
		Name: "apply: rows with a change on its way are removed", Invariant: "I5", File: "internal/apply/gone.go",
		Old:   "out[r.id] = written || anyUnsettled(m.byRecord[r.id])",
		New:   "out[r.id] = written && anyUnsettled(m.byRecord[r.id])",
		Tests: []tests{{pkgApply, "^TestRemoveLeavesRowsThatAreInUse$"}},
	},
	{
		Name: "reader: no sweep", Invariant: "I1", File: "internal/reader/cover.go",
		Old:   "if back.Before(w.From) {",
		New:   "if false {",
		Tests: []tests{{pkgReader, "^TestSweepFindsRecordsThatBecameVisibleLate$"}},
	},
	{
		Name: "reader: a query that fails ends the poll well", Invariant: "I8", File: "internal/reader/poll.go",
		Old:   "return p.giveUp(ctx, err)",
		New:   "_ = p.giveUp(ctx, err)\n\t\t\treturn nil",
		Tests: []tests{{pkgReader, "^TestBugOfOthers$/airbyte_77627"}},
	},
	{
		Name: "salesforce: a query too long for a URL is sent as one", Invariant: "I1", File: "internal/salesforce/composed.go",
		Old:   "if len(path) <= maxPath {",
		New:   "if len(path) <= 100*maxPath {",
		Tests: []tests{{pkgReader, "^TestBugOfOthers$/steampipe_29"}},
	},
	{
		Name: "spool: a reply waits for the database", Invariant: "I10", File: "internal/spool/spool.go",
		Old:   "\tb.spooling = true\n\tgo b.fill()",
		New:   "\t_ = b.fill",
		Tests: []tests{{pkgReader, "^TestBugOfOthers$/estuary_2756"}},
	},
	{
		Name: "spool: what finds no room is lost", Invariant: "I1", File: "internal/spool/spool.go",
		Old:   "b.rest = append([]byte(nil), buf[:n]...)",
		New:   "_ = n",
		Tests: []tests{{pkgReader, "^TestBugOfOthers$/jsforce_1699"}},
	},
	{
		Name: "reader: a list of deletions that has expired is taken for whole", Invariant: "I3", File: "internal/reader/reconcile.go",
		Old:   "if list.EarliestDateAvailable.After(s.DeletedTo) || start.After(s.DeletedTo) {",
		New:   "if false {",
		Tests: []tests{{pkgReader, "^TestBugOfOthers$/wso2_4768"}},
	},
	{
		Name: "reader: a stretch keeps no place", Invariant: "I8", File: "internal/reader/stretches.go",
		Old:   "open[i].After, _ = last(p.batch)",
		New:   "_ = open",
		Tests: []tests{{pkgReader, "^TestStretchesGoOnWhereATurnEnded$"}},
	},
	{
		Name: "reader: a load anew forgets the filter of before", Invariant: "I3", File: "internal/reader/anew.go",
		Old:   "r.connection, t.Mapping.ID, m.detail.View)",
		New:   "r.connection, t.Mapping.ID, view(t))",
		Tests: []tests{{pkgReader, "^TestAChangedFilterOfALargeObjectIsLoadedAnew$"}},
	},
	{
		Name: "schema: a released table stays stripped", Invariant: "I12", File: "internal/schema/release.go",
		Old:   "\t\tif err := rebuild(ctx, db, conn, t); err != nil {\n\t\t\treturn fmt.Errorf(\"release table",
		New:   "\t\tif err := error(nil); err != nil {\n\t\t\treturn fmt.Errorf(\"release table",
		Tests: []tests{{"./internal/schema", "^TestATableReleasedDuringItsLoadHasItsIndexes$"}},
	},
	{
		Name: "verify: days that agree are taken for equal", Invariant: "I1", File: "internal/verify/quick.go",
		Old:   "if p.Others == 0 || p.InOthers {",
		New:   "if true {",
		Tests: []tests{{"./internal/verify", "^TestQuickProofComparesStampsOfAllDays$"}},
	},
	{
		Name: "engine: a rolled back database goes on", Invariant: "I6", File: "internal/engine/run.go",
		Old:   "err = errRolledBack",
		New:   "_ = errRolledBack",
		Tests: []tests{{"./internal/engine", "^TestRolledBackDatabaseStopsTheConnection$"}},
	},
}
