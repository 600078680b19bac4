package client

import (
	"context"
	"net/http"
	"time"
)

// Budget is how the API calls of a connection's org stand, over 24 hours and
// all connections to the org.
type Budget struct {
	OrganizationID string `json:"organization_id"`
	Calls          int64  `json:"calls" doc:"Ours, those that nodes have reserved among them."`
	Allowed        *int64 `json:"allowed" doc:"What daily_calls, and reserve_percent of the org's allowance, leave; null if nothing bounds it."`
	DailyCalls     int64  `json:"daily_calls" doc:"The ceiling that is set; 0 for none."`
	ReservePercent int    `json:"reserve_percent" doc:"Part of the org's allowance that is left to its other applications."`

	OrgUsed    int        `json:"org_used" doc:"The org's own count, for all its applications."`
	OrgLimit   int        `json:"org_limit" doc:"0 if the org has not said."`
	OrgAsOf    *time.Time `json:"org_as_of"`
	OtherCalls int64      `json:"other_calls" doc:"Of the org's count, those of other applications."`

	CallsPerHour float64 `json:"calls_per_hour" doc:"The pace of the last hour or so."`
	Forecast     int64   `json:"forecast" doc:"Calls in 24 hours at that pace."`
	Stretch      float64 `json:"stretch" doc:"How many times longer than set the pauses between polls are now."`

	ByUse []Call `json:"by_use" nullable:"false" doc:"This connection's calls by mapping, kind and purpose."`
}

// Budget tells how the API calls of a connection's org stand.
func (c *Client) Budget(ctx context.Context, ref string) (Budget, error) {
	return call[Budget](ctx, c, http.MethodGet, conn(ref, "budget"), nil, nil)
}
