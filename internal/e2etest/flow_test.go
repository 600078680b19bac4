//go:build unix

package e2etest

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"strings"
	"time"

	"github.com/synclinehq/syncline/client"
)

//go:embed testdata/config.json
var config []byte

// api is a client of the server with the first administrator's token.
func (s *site) api() *client.Client { return client.New(s.server.URL, s.server.Token) }

// connect makes the connection, imports the configuration and waits until all
// is loaded.
func (s *site) connect() {
	s.Helper()
	s.begin()
	s.must(until(s.Context(), time.Minute, s.loaded))
}

// begin makes the connection and imports the configuration.
func (s *site) begin() {
	s.Helper()
	c := s.org.Clients[0]
	_, err := s.api().CreateConnection(s.Context(), client.NewConnection{
		Name: "Shop and Salesforce", AppName: "shop", ResourceName: "shop-1", DatabaseURL: s.target,
		LoginURL: s.org.URL(), ClientID: c.ID, ClientSecret: c.Secret,
	})
	s.must(err)
	_, err = s.api().ImportConfig(s.Context(), "", bytes.NewReader(config), false)
	s.must(err)
}

// loaded says what is not loaded yet, nil if nothing is.
func (s *site) loaded(ctx context.Context) error {
	status, err := s.api().Status(ctx, "")
	if err != nil {
		return err
	}
	var open []string
	for _, m := range status.Mappings {
		if m.Mapping.Stage != "synced" {
			open = append(open, m.Mapping.ObjectName+" "+m.State.Value)
		}
	}
	if len(open) > 0 || len(status.Mappings) == 0 {
		return fmt.Errorf("not loaded: %s", strings.Join(open, ", "))
	}
	return nil
}

// write runs a statement of the application and waits until its changes are
// settled.
func (s *site) write(sql string) {
	s.Helper()
	_, err := query(s.Context(), s.target, sql)
	s.must(err)
	s.must(until(s.Context(), 30*time.Second, func(ctx context.Context) error {
		n, err := query(ctx, s.target, `SELECT count(*) FROM salesforce._trigger_log WHERE state IN ('NEW', 'PENDING')`)
		if err == nil && n != "0\n" {
			err = fmt.Errorf("%s entries are not settled", strings.TrimSpace(n))
		}
		return err
	}))
}
