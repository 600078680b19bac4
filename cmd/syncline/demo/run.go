package demo

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/synclinehq/syncline/client"
)

// Ready is what the demo prints with --json when everything runs.
type Ready struct {
	Dashboard       string `json:"dashboard"`
	APIURL          string `json:"api_url"`
	APIToken        string `json:"api_token"`
	DatabaseURL     string `json:"database_url"`
	OrgURL          string `json:"org_url"`
	OrgClientID     string `json:"org_client_id"`
	OrgClientSecret string `json:"org_client_secret"`
	// PubSubAddr is host and port of the org's Pub/Sub API, in plain text.
	PubSubAddr string `json:"pubsub_addr"`
}

// Run starts everything, says how to play with it, and goes on until ctx ends.
// Being told to end is success.
func Run(ctx context.Context, opt Options) error {
	w, err := open(ctx, opt)
	defer w.close()
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	ready, err := w.ready(ctx)
	if err != nil {
		return err
	}
	if opt.JSON {
		if err := printJSON(opt.Out, ready); err != nil {
			return err
		}
	} else {
		w.explain(ready)
	}
	w.live(ctx)
	w.say.end()
	w.say.line("Stopping …")
	return nil
}

func (w *world) ready(ctx context.Context) (Ready, error) {
	link, err := w.api.SignIn(ctx)
	if err != nil {
		return Ready{}, err
	}
	// The second client is for people who play the Salesforce side.
	other := w.org.Clients[1]
	return Ready{
		Dashboard: link.URL, APIURL: w.server.URL, APIToken: w.server.Token,
		DatabaseURL: w.database, OrgURL: w.org.URL(),
		OrgClientID: other.ID, OrgClientSecret: other.Secret,
		PubSubAddr: w.org.PubSubAddr(),
	}, nil
}

// explain tells a newcomer what to try. The lines can be pasted as they are.
func (w *world) explain(r Ready) {
	query := url.Values{"grant_type": {"client_credentials"}, "client_id": {r.OrgClientID}, "client_secret": {r.OrgClientSecret}}
	w.say.line(`
A Salesforce org and a Postgres database are now kept equal, both ways.

  Dashboard      %s
                 (this link signs you in once)
  Sandbox org    %s/

Change a row in Postgres and see it in the org:

  psql '%s' -c "UPDATE salesforce.account SET phone = '+1 555 0100' WHERE id = 1 RETURNING sfid, name, phone"

Change it in the org and see it in Postgres:

  TOKEN=$(curl -s '%s/services/oauth2/token' -d '%s' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  ID=$(psql '%s' -Atc "SELECT sfid FROM salesforce.account WHERE id = 1")
  curl -s -X PATCH "%s/services/data/v60.0/sobjects/Account/$ID" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"Phone":"+1 555 0199"}'
  psql '%s' -c "SELECT sfid, name, phone FROM salesforce.account WHERE id = 1"

The same by command line:

  export SYNCLINE_URL=%s SYNCLINE_TOKEN=%s
  go run ./cmd/syncline verify

Ctrl-C ends it.
`, r.Dashboard, r.OrgURL, r.DatabaseURL, r.OrgURL, query.Encode(), r.DatabaseURL, r.OrgURL, r.DatabaseURL, r.APIURL, r.APIToken)
}

// live shows how things stand until ctx ends.
func (w *world) live(ctx context.Context) {
	for pause(ctx, time.Second) == nil {
		st, err := w.api.Status(ctx, appName)
		if err != nil {
			if ctx.Err() == nil {
				w.say.replace("The server does not answer: %v", err)
			}
			continue
		}
		w.say.replace("%s", sentence(st))
	}
}

// sentence says in one line how a connection stands.
func sentence(st client.Status) string {
	var rows int64
	for _, m := range st.Mappings {
		if m.RowsPostgres != nil {
			rows += *m.RowsPostgres
		}
	}
	state := st.State.Label
	if st.State.Class == "error" {
		return fmt.Sprintf("%s: %s", state, st.Connection.Cause)
	}
	lag := "not known yet"
	if st.LagToPostgres >= 0 {
		lag = fmt.Sprintf("%.1f s old at most", st.LagToPostgres)
	}
	return fmt.Sprintf("%s · %d mappings, %d rows · Postgres is %s · %d changes wait for Salesforce, %d failed · %d API calls",
		state, len(st.Mappings), rows, lag, st.Queue.Unsent+st.Queue.Pending, st.Queue.Failed, st.Calls.Total)
}
