package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/synclinehq/syncline/internal/manage"
)

// reloadRoutes begin a load anew.
func (s *server) reloadRoutes(api huma.API) {
	do(s, api, op(http.MethodPost, "/connections/{connection}/mappings/{object}/reload", "reload-mapping", "mappings",
		"Read all records again and merge them into the table"),
		func(ctx context.Context, c manage.Caller, in *OnMapping) error {
			return s.cfg.Manage.Reload(ctx, c, in.ref(), in.Object)
		})
}
