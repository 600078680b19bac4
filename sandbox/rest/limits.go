package rest

import (
	"net/http"
	"strings"

	"github.com/synclinehq/syncline/sandbox/bulk"
	"github.com/synclinehq/syncline/sandbox/org"
	"github.com/synclinehq/syncline/sandbox/schema"
)

// quota is one entry of /limits.
type quota struct {
	Max       int `json:"Max"`
	Remaining int `json:"Remaining"`
}

// limits is /limits and /limits/recordCount.
func (c *call) limits() (*reply, error) {
	if c.method != http.MethodGet {
		return nil, methodNotAllowed(c.method, "GET")
	}
	if c.path(1) == "recordCount" {
		return c.recordCount()
	}
	if len(c.seg) > 1 {
		return nil, notFound()
	}
	switches := c.s.org.Switches()
	daily := switches.Daily()
	queries, batches := bulk.Quotas(switches)
	usedQueries, usedBatches := c.s.bulk.Used()
	deliveries, delivered := c.s.bus.Deliveries()
	full := func(n int) quota { return quota{n, n} }
	return marshalReply(map[string]quota{
		"DailyApiRequests":                      {daily, max(daily-c.s.calls.used(), 0)},
		"DailyBulkApiBatches":                   {batches, max(batches-usedBatches, 0)},
		"DailyBulkV2QueryJobs":                  {queries, max(queries-usedQueries, 0)},
		"DailyBulkV2QueryFileStorageMB":         full(976562),
		"DailyStreamingApiEvents":               full(10000),
		"DailyDurableStreamingApiEvents":        full(10000),
		"DailyGenericStreamingApiEvents":        full(10000),
		"DailyDeliveredPlatformEvents":          {deliveries, max(deliveries-delivered, 0)},
		"DailyAsyncApexExecutions":              full(250000),
		"HourlyPublishedPlatformEvents":         full(50000),
		"MonthlyPlatformEventsUsageEntitlement": full(0),
		"DataStorageMB":                         full(1024),
		"FileStorageMB":                         full(1024),
	})
}

func (c *call) recordCount() (*reply, error) {
	type entry struct {
		Count int    `json:"count"`
		Name  string `json:"name"`
	}
	list := []entry{}
	var wanted []*schema.Object
	if names := c.query.Get("sObjects"); names != "" {
		for _, n := range strings.Split(names, ",") {
			if obj, ok := c.s.org.Catalog.Object(strings.TrimSpace(n)); ok {
				wanted = append(wanted, obj)
			}
		}
	} else {
		wanted = c.s.org.Catalog.Objects()
	}
	for _, obj := range wanted {
		if c.actor.CanRead(obj) {
			list = append(list, entry{c.s.org.Count(obj), obj.Name})
		}
	}
	return marshalReply(map[string]any{"sObjects": list})
}

// as is a user acting by hand, through the control plane or the page.
func (s *Server) as(username string) (*org.Actor, bool) {
	u, ok := s.org.User(username)
	if !ok {
		return nil, false
	}
	return &org.Actor{User: u, OAuthClient: "control", CallClient: "control"}, true
}
