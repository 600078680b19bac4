package budget

import (
	"fmt"
	"math"
)

// Limits are what the owner of an org allows. Of several connections to one org
// the strictest count.
type Limits struct {
	// Daily bounds the calls of 24 hours of all its connections together; 0
	// leaves it to the reserve.
	Daily int64
	// Reserve is the share of the org's own allowance, in per cent, that is left
	// to its other applications.
	Reserve int
}

// DefaultReserve leaves a fifth of an org's calls to its other applications.
const DefaultReserve = 20

// Standing is how an org's calls of the last 24 hours stand.
type Standing struct {
	Limits
	// Ours are the calls of all connections to the org, and those that ledgers
	// have reserved but for the asker's own. LastHour is their pace, in calls an
	// hour.
	Ours     int64
	LastHour float64
	// Org is the org's own count, for all applications.
	Org Usage
}

const (
	// slowFrom is the share of what is allowed from which polls are slowed, and
	// stopReads the one that they never reach: the rest is for writes.
	slowFrom, stopReads = 0.80, 0.95
	// evenFrom is the share from which calls are spread over the day.
	evenFrom = 0.5
	// stopChores is where loads, proofs and counts stop, for the sake of polls.
	stopChores = 0.85
	// slowest bounds how many times longer the pause between polls becomes.
	slowest = 60
	// least is the share of an org's allowance that is ours whatever other
	// applications use: with less nothing would ever arrive.
	least = 0.02
)

// Unlimited is the Allowed of an org of which nothing is known.
const Unlimited = math.MaxInt64

// Allowed is how many calls of ours may stand in 24 hours.
func (s Standing) Allowed() int64 {
	allowed := int64(Unlimited)
	if s.Daily > 0 {
		allowed = s.Daily
	}
	if s.Org.Max > 0 {
		all := float64(s.Org.Max)
		left := all*(1-float64(s.Reserve)/100) - float64(s.Others())
		allowed = min(allowed, int64(max(left, all*least)))
	}
	return allowed
}

// Others is how many of the org's calls are of other applications.
func (s Standing) Others() int64 { return max(0, int64(s.Org.Used)-s.Ours) }

// Share is the part of the allowed calls that is used.
func (s Standing) Share() float64 { return float64(s.Ours) / float64(max(1, s.Allowed())) }

// Stretch is how many times longer than set the pause between two polls should
// be: 1 while there is room, then more and more, so that the calls come to a
// balance below what is allowed instead of running into it.
//
// From half of them on the last hour counts as the day does: else a day that
// began fast would end in a standstill.
func (s Standing) Stretch() float64 {
	share := s.Share()
	stretch := stretchAt(share)
	if share > evenFrom {
		stretch = max(stretch, stretchAt(float64(s.Forecast())/float64(s.Allowed())))
	}
	return stretch
}

func stretchAt(share float64) float64 {
	switch {
	case share <= slowFrom:
		return 1
	case share >= stopReads:
		return slowest
	}
	return min(slowest, (stopReads-slowFrom)/(stopReads-share))
}

// Roomy says that nothing is slowed, so that work may be done that can wait.
func (s Standing) Roomy() bool { return s.Stretch() <= 1 }

// Forecast is how many calls 24 hours would make at the last hour's pace.
func (s Standing) Forecast() int64 { return int64(24 * s.LastHour) }

// chores are purposes that can wait for a day.
var chores = map[string]bool{"load": true, "verify": true, "count": true, "reconcile": true}

// limit is how many calls may stand before another one for a purpose.
func (s Standing) limit(purpose string) int64 {
	allowed := s.Allowed()
	switch {
	case allowed == Unlimited:
		return allowed
	case chores[purpose]:
		return int64(stopChores * float64(allowed))
	case purpose == "poll":
		return int64(stopReads * float64(allowed))
	}
	return allowed
}

// SpentError means that a call would go beyond what the org's owner allows. It
// was not made.
type SpentError struct {
	Purpose       string
	Used, Allowed int64
}

func (e *SpentError) Error() string {
	what := map[bool]string{true: "calls", false: "calls for " + e.Purpose}[e.Purpose == ""]
	return fmt.Sprintf("the budget of API calls leaves none: %s wait, since %d of %d allowed calls were made in 24 hours; "+
		"they go on by themselves as that falls; see syncline budget", what, e.Used, e.Allowed)
}
