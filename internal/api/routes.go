package api

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/uuid"

	"github.com/synclinehq/syncline/client"
	"github.com/synclinehq/syncline/internal/manage"
	"github.com/synclinehq/syncline/internal/store"
)

const maxConfigBytes = 16 << 20

// routes is the API itself; its paths are relative to Prefix.
func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	cfg := huma.DefaultConfig("Syncline", "1")
	cfg.Info.Description = "A connection is named by its ID, resource name, name or app name; - is the only one there is."
	cfg.DocsPath, cfg.SchemasPath, cfg.CreateHooks = "", "", nil
	cfg.RejectUnknownQueryParameters = true
	cfg.Transformers = append(cfg.Transformers, inOurForm)
	cfg.Servers = []*huma.Server{{URL: Prefix}}
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
	cfg.Security = []map[string][]string{{"token": {}}}
	api := humago.NewWithPrefix(mux, Prefix, cfg)
	s.serverRoutes(api)
	s.connectionRoutes(api)
	s.mappingRoutes(api)
	s.settingRoutes(api)
	s.reloadRoutes(api)
	s.configRoutes(api)
	s.recordRoutes(api)
	s.verifyRoutes(api)
	s.errorRoutes(api)
	s.holdRoutes(api)
	s.previewRoutes(api)
	s.budgetRoutes(api)
	s.tokenRoutes(api)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, &problem{Status: http.StatusNotFound, Detail: "The API has no " + r.Method + " " + r.URL.Path + ".",
			Fix: "See " + Prefix + "/openapi.json."})
	})
	return mux
}

func op(method, path, id, tag, summary string) huma.Operation {
	return huma.Operation{Method: method, Path: path, OperationID: id, Tags: []string{tag}, Summary: summary}
}

// The parameters that many paths share. Those that are embedded are exported,
// since reflection passes over others.
type (
	nothing struct{}
	// OnOne names a connection.
	OnOne struct {
		Connection string `path:"connection" maxLength:"200"`
	}
	// OnMapping names a mapping of it.
	OnMapping struct {
		OnOne
		Object string `path:"object" maxLength:"200" doc:"Object name or mapping ID."`
	}
)

// ref is the connection's name as package manage takes it.
func (o OnOne) ref() string {
	if o.Connection == "-" {
		return ""
	}
	return o.Connection
}

func (s *server) serverRoutes(api huma.API) {
	add(s, api, op(http.MethodGet, "/server", "get-server", "server", "What answers, and who the token stands for"),
		func(_ context.Context, c manage.Caller, _ *nothing) (client.Server, error) {
			return client.Server{Version: s.cfg.Version, Name: c.Name, Role: string(c.Role), Connection: idText(c.Connection)}, nil
		})
	add(s, api, op(http.MethodGet, "/nodes", "list-nodes", "server", "Processes that take turns"),
		func(ctx context.Context, c manage.Caller, _ *nothing) ([]client.Node, error) {
			out, err := s.cfg.Manage.Nodes(ctx, c)
			return each(out, node), err
		})
	type input struct {
		Connection string `query:"connection" maxLength:"200" doc:"All, and the server's, if left out."`
		Before     int64  `query:"before" minimum:"0"`
		Limit      int    `query:"limit" minimum:"0" maximum:"1000"`
	}
	add(s, api, op(http.MethodGet, "/audit", "list-audit", "server", "Administrative changes, newest first"),
		func(ctx context.Context, c manage.Caller, in *input) ([]client.AuditEntry, error) {
			out, err := s.cfg.Manage.AuditTrail(ctx, c, in.Connection, in.Before, in.Limit)
			return each(out, auditEntry), err
		})
}

func (s *server) connectionRoutes(api huma.API) {
	const tag = "connections"
	add(s, api, op(http.MethodGet, "/connections", "list-connections", tag, "Connections that the token may see"),
		func(ctx context.Context, c manage.Caller, _ *nothing) ([]client.Connection, error) {
			out, err := s.cfg.Manage.Connections(ctx, c)
			return each(out, connection), err
		})
	create := op(http.MethodPost, "/connections", "create-connection", tag, "Test database and org, and make a connection")
	create.DefaultStatus = http.StatusCreated
	add(s, api, create, func(ctx context.Context, c manage.Caller, in *struct{ Body client.NewConnection }) (client.Connection, error) {
		out, err := s.cfg.Manage.CreateConnection(ctx, c, newConnection(in.Body))
		return connection(out), err
	})
	add(s, api, op(http.MethodGet, "/connections/{connection}", "get-connection", tag, "One connection"),
		func(ctx context.Context, c manage.Caller, in *OnOne) (client.Connection, error) {
			out, err := s.cfg.Manage.Find(ctx, c, in.ref())
			return connection(out), err
		})
	type remove struct {
		OnOne
		Confirm    string `query:"confirm" doc:"The connection's resource name."`
		DropTables bool   `query:"drop_tables" doc:"Drop all that was made for it in the database too."`
	}
	do(s, api, op(http.MethodDelete, "/connections/{connection}", "delete-connection", tag, "Remove a connection"),
		func(ctx context.Context, c manage.Caller, in *remove) error {
			return s.cfg.Manage.DeleteConnection(ctx, c, in.ref(), in.Confirm, in.DropTables)
		})
	add(s, api, op(http.MethodGet, "/connections/{connection}/status", "get-status", tag, "How a connection stands"),
		func(ctx context.Context, c manage.Caller, in *OnOne) (client.Status, error) {
			out, err := s.cfg.Manage.Status(ctx, c, in.ref())
			if err != nil {
				return client.Status{}, err
			}
			return status(out), nil
		})
	do(s, api, op(http.MethodPost, "/connections/{connection}/poll", "poll-connection", tag, "Poll all mappings now"),
		func(ctx context.Context, c manage.Caller, in *OnOne) error {
			return s.cfg.Manage.PollNow(ctx, c, in.ref(), "")
		})
}

func (s *server) mappingRoutes(api huma.API) {
	const tag = "mappings"
	add(s, api, op(http.MethodGet, "/connections/{connection}/mappings", "list-mappings", tag, "Mappings of a connection"),
		func(ctx context.Context, c manage.Caller, in *OnOne) ([]client.Mapping, error) {
			out, err := s.cfg.Manage.Mappings(ctx, c, in.ref())
			return each(out, mappingOf), err
		})
	add(s, api, op(http.MethodGet, "/connections/{connection}/mappings/{object}", "get-mapping", tag, "One mapping"),
		func(ctx context.Context, c manage.Caller, in *OnMapping) (client.Mapping, error) {
			out, err := s.cfg.Manage.Mapping(ctx, c, in.ref(), in.Object)
			return mappingOf(out), err
		})
	do(s, api, op(http.MethodPost, "/connections/{connection}/mappings/{object}/poll", "poll-mapping", tag, "Poll one mapping now"),
		func(ctx context.Context, c manage.Caller, in *OnMapping) error {
			return s.cfg.Manage.PollNow(ctx, c, in.ref(), in.Object)
		})
}

func (s *server) configRoutes(api huma.API) {
	const tag = "configuration"
	type file struct {
		ContentType string `header:"Content-Type"`
		Body        []byte
	}
	export := op(http.MethodGet, "/connections/{connection}/config", "export-config", tag, "The configuration file, as Heroku Connect writes it")
	huma.Register(api, export, func(ctx context.Context, in *OnOne) (*file, error) {
		out, err := s.cfg.Manage.ExportConfig(ctx, callerOf(ctx), in.ref())
		if err != nil {
			return nil, s.translate(ctx, err)
		}
		return &file{"application/json", out}, nil
	})
	type input struct {
		OnOne
		DryRun  bool   `query:"dry_run" doc:"Say what would be done, and change nothing."`
		RawBody []byte `contentType:"application/json"`
	}
	imp := op(http.MethodPost, "/connections/{connection}/config", "import-config", tag, "Make the mappings of a configuration file")
	imp.MaxBodyBytes, imp.SkipValidateBody = maxConfigBytes, true
	imp.SkipValidateBody = true // the parser of configuration files has better words
	add(s, api, imp, func(ctx context.Context, c manage.Caller, in *input) (client.Import, error) {
		out, err := s.cfg.Manage.ImportConfig(ctx, c, in.ref(), bytes.NewReader(in.RawBody), in.DryRun)
		if err != nil {
			return client.Import{}, err
		}
		return imported(out, in.DryRun), nil
	})
}

func (s *server) recordRoutes(api huma.API) {
	const tag = "records"
	type failed struct {
		OnOne
		Mapping string `query:"mapping" maxLength:"200" doc:"Object name; all if left out."`
		Within  int64  `query:"within" minimum:"0" maximum:"31536000" doc:"Seconds; 24 hours if left out."`
		Limit   int    `query:"limit" minimum:"0" maximum:"1000"`
	}
	add(s, api, op(http.MethodGet, "/connections/{connection}/write-errors", "list-write-errors", tag, "Changes that Salesforce refused, newest first"),
		func(ctx context.Context, c manage.Caller, in *failed) ([]client.WriteError, error) {
			out, err := s.cfg.Manage.WriteErrors(ctx, c, in.ref(), in.Mapping, time.Duration(in.Within)*time.Second, in.Limit)
			return each(out, writeError), err
		})
	type events struct {
		OnOne
		Mapping string `query:"mapping" maxLength:"200" doc:"Object name; all if left out."`
		Level   string `query:"level" enum:"debug,info,warn,error"`
		Search  string `query:"search" maxLength:"200"`
		After   int64  `query:"after" minimum:"-1" default:"-1" doc:"Events after this id; -1 for the newest."`
		Limit   int    `query:"limit" minimum:"0" maximum:"1000"`
	}
	add(s, api, op(http.MethodGet, "/connections/{connection}/events", "list-events", tag, "The log that people read, oldest first"),
		func(ctx context.Context, c manage.Caller, in *events) ([]client.Event, error) {
			f := manage.LogFilter{Object: in.Mapping, Search: in.Search}
			if in.Level != "" {
				f.Levels = []string{in.Level}
			}
			out, err := s.cfg.Manage.Logs(ctx, c, in.ref(), f, in.After, in.Limit)
			return each(out, event), err
		})
}

func (s *server) tokenRoutes(api huma.API) {
	const tag = "access"
	add(s, api, op(http.MethodGet, "/tokens", "list-tokens", tag, "API tokens"),
		func(ctx context.Context, c manage.Caller, _ *nothing) ([]client.Token, error) {
			out, err := s.cfg.Manage.Tokens(ctx, c)
			return each(out, token), err
		})
	create := op(http.MethodPost, "/tokens", "create-token", tag, "Make an API token; its text is shown once")
	create.DefaultStatus = http.StatusCreated
	add(s, api, create, func(ctx context.Context, c manage.Caller, in *struct{ Body client.NewToken }) (client.Token, error) {
		text, kept, err := s.cfg.Manage.CreateToken(ctx, c, manage.NewToken{
			Name: in.Body.Name, Role: store.Role(in.Body.Role), Scopes: in.Body.Scopes, Connection: in.Body.Connection,
			TTL: time.Duration(in.Body.ExpiresIn) * time.Second,
		})
		out := token(kept)
		out.Text = text
		return out, err
	})
	type one struct {
		ID string `path:"id" format:"uuid"`
	}
	do(s, api, op(http.MethodDelete, "/tokens/{id}", "revoke-token", tag, "End a token at once"),
		func(ctx context.Context, c manage.Caller, in *one) error {
			id, err := uuid.Parse(in.ID)
			if err != nil {
				return &manage.Problem{Kind: manage.Invalid, What: "That is not the ID of a token."}
			}
			return s.cfg.Manage.RevokeToken(ctx, c, id)
		})
	link := op(http.MethodPost, "/sign-in-links", "create-sign-in-link", tag, "A single-use link to the dashboard, with the token's role")
	link.DefaultStatus = http.StatusCreated
	add(s, api, link, func(ctx context.Context, c manage.Caller, _ *nothing) (client.SignIn, error) {
		code, err := s.cfg.Manage.SignInCode(ctx, c)
		return client.SignIn{URL: s.cfg.PublicURL + "/ui/signin?code=" + code, ExpiresIn: int64(manage.SignInTTL / time.Second)}, err
	})
}
