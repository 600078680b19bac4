// Package crash lets tests end the process at named points of the product.
//
// The points are compiled into every build and do nothing unless the
// environment arms one: then a call of [Point] with that [Name] kills the
// process with SIGKILL, so that no deferred function, no flush and no rollback
// by us happens. Instead of dying the process can also stop (SIGSTOP) or pause
// for a while at the point, for tests of what others do meanwhile.
//
//	SYNCLINE_CRASH=writer.after_claim            die at the first hit
//	SYNCLINE_CRASH=writer.after_claim:3          die at the third hit
//	SYNCLINE_CRASH=writer.after_claim:stop       stop at the first hit
//	SYNCLINE_CRASH=writer.after_claim:3:sleep=5s pause at the third hit
//
// Several points are separated by commas. SYNCLINE_CRASH_REPORT names a file to
// which one line is added, and synced, right before the action; [ReadReport]
// reads it back.
//
// Every point is declared in names.go and nowhere else. A process calls [Setup]
// once, before it works.
package crash
