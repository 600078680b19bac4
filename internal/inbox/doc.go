// Package inbox is what a person sees of changes that did not go through, and
// what he does about them: the error inbox.
//
// It reads what others left: FAILED entries of the trigger log and its archive,
// intents whose outcome is not known, records that could not be read into their
// row. [Inbox.Groups] puts them together by cause; [Inbox.Show] tells all that
// is known of one; [Inbox.Retry], [Inbox.Edit] and [Inbox.Ignore] act on any
// number of them, [Inbox.Resolve] answers for an outcome that is not known.
//
// An action is nothing that its person could not do in SQL (docs/writes.md): it
// holds no fence and races with no turn, since it changes only entries that are
// FAILED or whose intent is unknown, under a row lock, and looks at the state
// again under that lock. What has changed meanwhile is told, not overwritten. A
// failed entry leaves its state in the same transaction in which another takes
// its place, so a change is sent once.
//
// An Inbox keeps no state; it may be made for each request.
package inbox
