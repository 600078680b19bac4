package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/synclinehq/syncline/client"
	"github.com/synclinehq/syncline/internal/manage"
	"github.com/synclinehq/syncline/internal/writer"
)

// previewRoutes tell what would happen.
func (s *server) previewRoutes(api huma.API) {
	add(s, api, op(http.MethodGet, "/connections/{connection}/write-preview", "preview-writes", "records",
		"What would be sent to Salesforce now, in how many calls, and what waits for what"),
		func(ctx context.Context, c manage.Caller, in *OnOne) (client.WritePreview, error) {
			out, err := s.cfg.Manage.PreviewWrites(ctx, c, in.ref())
			return writePreview(out), err
		})
}

func writePreview(p writer.Preview) client.WritePreview {
	return client.WritePreview{
		Looked: p.Looked, More: p.More, Calls: p.Calls, Jobs: p.Jobs,
		Sets: each(p.Sets, func(s writer.PreviewSet) client.WritePreviewSet {
			return client.WritePreviewSet{Round: s.Round, Table: s.Table, Object: s.Object, Operation: string(s.Op), Bulk: s.Bulk, Sets: s.Sets, Records: s.Records}
		}),
		Ends: each(p.Ends, func(e writer.PreviewEnd) client.WritePreviewEnd {
			return client.WritePreviewEnd{Table: e.Table, State: string(e.State), Records: e.Records}
		}),
		Fails: each(p.Fails, func(f writer.PreviewFail) client.WritePreviewFail { return client.WritePreviewFail(f) }),
		Held: each(p.Held, func(h writer.PreviewHeld) client.WritePreviewHeld {
			return client.WritePreviewHeld{Table: h.Table, Reason: h.Reason, Records: h.Records, LogID: h.LogID}
		}),
	}
}
