package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/synclinehq/syncline/client"
	"github.com/synclinehq/syncline/internal/manage"
	"github.com/synclinehq/syncline/internal/mapping"
)

// Way is the direction that a pause or resume is about; reflection passes over
// embedded types that are not exported.
type Way struct {
	Direction string `query:"direction" enum:"reads,writes" doc:"One direction; both if left out. A resume of both ends every pause."`
}

// settingRoutes change what is there already: settings and pauses.
func (s *server) settingRoutes(api huma.API) {
	type connectionPatch struct {
		OnOne
		Body client.ConnectionChange
	}
	add(s, api, op(http.MethodPatch, "/connections/{connection}", "change-connection", "connections", "Change settings; what is left out stays"),
		func(ctx context.Context, c manage.Caller, in *connectionPatch) (client.Connection, error) {
			out, err := s.cfg.Manage.ChangeConnection(ctx, c, in.ref(), manage.ConnectionChange{
				Algorithm: (*mapping.Algorithm)(in.Body.Algorithm), Options: in.Body.Options,
			})
			return connection(out), err
		})
	type mappingPatch struct {
		OnMapping
		Body client.MappingChange
	}
	add(s, api, op(http.MethodPatch, "/connections/{connection}/mappings/{object}", "change-mapping", "mappings", "Change settings; what is left out stays"),
		func(ctx context.Context, c manage.Caller, in *mappingPatch) (client.Mapping, error) {
			out, err := s.cfg.Manage.ChangeMapping(ctx, c, in.ref(), in.Object, manage.MappingChange{
				Access: (*mapping.Access)(in.Body.Access), Policy: (*mapping.Policy)(in.Body.Policy),
				PollSeconds: in.Body.PollSeconds, Options: in.Body.Options,
			})
			return mappingOf(out), err
		})
	type remove struct {
		OnMapping
		Confirm   string `query:"confirm" doc:"The object's name."`
		DropTable bool   `query:"drop_table" doc:"Drop the table too; otherwise it stays, without triggers."`
		Discard   bool   `query:"discard" doc:"Give up changes that wait to be sent."`
	}
	do(s, api, op(http.MethodDelete, "/connections/{connection}/mappings/{object}", "delete-mapping", "mappings", "Remove a mapping"),
		func(ctx context.Context, c manage.Caller, in *remove) error {
			return s.cfg.Manage.DeleteMapping(ctx, c, in.ref(), in.Object, manage.MappingRemoval{
				Confirm: in.Confirm, DropTable: in.DropTable, Discard: in.Discard,
			})
		})
	s.pauseRoutes(api)
}

func (s *server) pauseRoutes(api huma.API) {
	type connectionPause struct {
		OnOne
		Way
	}
	type mappingPause struct {
		OnMapping
		Way
	}
	for _, x := range []struct {
		word, connection, mapping string
		paused                    bool
	}{
		{"pause", "Stop after what is in flight", "Stop one mapping", true},
		{"resume", "Go on after a pause", "Go on with one mapping", false},
	} {
		do(s, api, op(http.MethodPost, "/connections/{connection}/"+x.word, x.word+"-connection", "connections", x.connection),
			func(ctx context.Context, c manage.Caller, in *connectionPause) error {
				return s.cfg.Manage.SetPausedWay(ctx, c, in.ref(), "", manage.Direction(in.Direction), x.paused)
			})
		do(s, api, op(http.MethodPost, "/connections/{connection}/mappings/{object}/"+x.word, x.word+"-mapping", "mappings", x.mapping),
			func(ctx context.Context, c manage.Caller, in *mappingPause) error {
				return s.cfg.Manage.SetPausedWay(ctx, c, in.ref(), in.Object, manage.Direction(in.Direction), x.paused)
			})
	}
}
