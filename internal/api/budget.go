package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/synclinehq/syncline/client"
	"github.com/synclinehq/syncline/internal/budget"
	"github.com/synclinehq/syncline/internal/manage"
)

// budgetRoutes tell how API calls stand.
func (s *server) budgetRoutes(api huma.API) {
	add(s, api, op(http.MethodGet, "/connections/{connection}/budget", "get-budget", "connections",
		"API calls of the last 24 hours, for what, and how many are allowed"),
		func(ctx context.Context, c manage.Caller, in *OnOne) (client.Budget, error) {
			out, err := s.cfg.Manage.Budget(ctx, c, in.ref())
			return budgetOf(out), err
		})
}

func budgetOf(b manage.Budget) client.Budget {
	out := client.Budget{
		OrganizationID: b.Connection.Org.OrganizationID, Calls: b.Ours, DailyCalls: b.Daily, ReservePercent: b.Reserve,
		OrgUsed: b.Org.Used, OrgLimit: b.Org.Max, OtherCalls: b.Others(),
		CallsPerHour: b.LastHour, Forecast: b.Forecast(), Stretch: b.Stretch(),
		ByUse: each(b.ByUse, useOf),
	}
	if allowed := b.Allowed(); allowed != budget.Unlimited {
		out.Allowed = &allowed
	}
	if b.Org.Max > 0 {
		out.OrgAsOf = timeOrNil(b.Org.At)
	}
	return out
}

func useOf(c budget.Count) client.Call {
	return client.Call{Mapping: c.Mapping, Kind: c.Kind, Purpose: c.Purpose, Calls: c.Calls}
}
