package salesforce

import (
	"context"
	"net/http"
	"strconv"
	"strings"
)

// The kinds of call, as the ledger counts them.
const (
	KindQuery       = "query"
	KindRetrieve    = "retrieve"
	KindCollections = "collections"
	KindComposite   = "composite"
	KindDescribe    = "describe"
	KindLimits      = "limits"
	KindReplication = "replication" // getUpdated, getDeleted

	kindFree = "" // not an API call
)

// Use says what one call was for. It is an alias of a plain struct, so that a
// meter can be written without importing this package.
type Use = struct {
	// Kind is the kind of request: one of the Kind constants.
	Kind string
	// Mapping names the mapping that the call served; "" for the connection.
	Mapping string
	// Purpose is why: load, poll, write, probe, verify …
	Purpose string
}

// Meter is told what the org may have counted.
type Meter interface {
	// Begin is called before a call that the org may count, and what it
	// returns when that call is over, charged or not.
	Begin(ctx context.Context) (end func())
	// Charge is called once per HTTP request that reached, or may have reached,
	// the org, before its reply is used. Left out is what the org counts for
	// nobody: requests refused with 401, and those to its OAuth endpoints.
	Charge(use Use)
	// Usage is the org's own count of the last 24 hours and its limit, for all
	// applications together, as the newest reply told.
	Usage(used, max int)
}

type nopMeter struct{}

func (nopMeter) Begin(context.Context) func() { return func() {} }

func (nopMeter) Charge(Use)     {}
func (nopMeter) Usage(int, int) {}

type useKey struct{}

type useOf struct{ mapping, purpose string }

// WithUse marks the calls made under ctx as made for a mapping and a purpose.
func WithUse(ctx context.Context, mapping, purpose string) context.Context {
	return context.WithValue(ctx, useKey{}, useOf{mapping, purpose})
}

func useFrom(ctx context.Context, kind string) Use {
	u, _ := ctx.Value(useKey{}).(useOf)
	return Use{Kind: kind, Mapping: u.mapping, Purpose: u.purpose}
}

// limitInfo reads the header "Sforce-Limit-Info: api-usage=18/15000; …".
func limitInfo(h http.Header) (used, limit int, ok bool) {
	for part := range strings.SplitSeq(h.Get("Sforce-Limit-Info"), ";") {
		v, found := strings.CutPrefix(strings.TrimSpace(part), "api-usage=")
		if !found {
			continue
		}
		a, b, found := strings.Cut(v, "/")
		if !found {
			return 0, 0, false
		}
		used, err1 := strconv.Atoi(strings.TrimSpace(a))
		limit, err2 := strconv.Atoi(strings.TrimSpace(b))
		return used, limit, err1 == nil && err2 == nil
	}
	return 0, 0, false
}
