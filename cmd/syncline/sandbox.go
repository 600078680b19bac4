package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/synclinehq/syncline/internal/cli"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
)

// gcPercent trades processor time for memory: an org is mostly data that stays.
const gcPercent = 50

// runSandbox runs a sandbox org until ctx ends.
func runSandbox(ctx context.Context, o cli.SandboxOptions, out io.Writer) (err error) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	s, err := sandbox.Start(ctx, sandbox.Options{
		Addr: o.Listen, TLSAddr: o.TLSListen, PubSubAddr: o.PubSubListen, PubSubTLSAddr: o.PubSubTLSListen, DataDir: o.DataDir,
		Seed: o.Seed, Name: o.Name, ControlToken: o.ControlToken,
	})
	if err != nil {
		return fmt.Errorf("start the sandbox org: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := seed(s, o); err != nil {
		return err
	}
	if err := tell(s, o, out); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// seed fills the org with related records, unless it was kept from an earlier
// run.
func seed(s *sandbox.Server, o cli.SandboxOptions) error {
	account, ok := s.Org.Catalog.Object("Account")
	if o.Rows == 0 || ok && s.Org.Count(account) > 0 {
		return nil
	}
	for _, plan := range []org.SeedPlan{
		{Object: "Account", Rows: o.Rows},
		{Object: "Contact", Rows: o.Rows},
		{Object: "Opportunity", Rows: o.Rows / 2},
	} {
		plan.Seed, plan.Past = o.Seed, true
		if _, err := s.Org.Seed(plan); err != nil {
			return fmt.Errorf("fill the org: %w", err)
		}
	}
	return nil
}

func tell(s *sandbox.Server, o cli.SandboxOptions, out io.Writer) error {
	var product sandbox.Client
	for _, c := range s.Clients {
		if c.ID == sandbox.ProductClientID {
			product = c
		}
	}
	if o.JSON {
		err := json.NewEncoder(out).Encode(map[string]string{
			"org_url": s.URL(), "org_tls_url": s.TLSURL(), "org_client_id": product.ID, "org_client_secret": product.Secret,
			"pubsub_addr": s.PubSubAddr(), "pubsub_tls_addr": s.PubSubTLSAddr(),
		})
		if err != nil {
			return fmt.Errorf("print the org's address: %w", err)
		}
		return nil
	}
	_, err := fmt.Fprintf(out, "The sandbox org answers at %s and %s\nClient ID: %s\nClient secret: %s\nPub/Sub API: %s (plain text), %s (TLS)\n"+
		"The server that connects to it needs --allow-insecure-orgs.\n", s.URL(), s.TLSURL(), product.ID, product.Secret, s.PubSubAddr(), s.PubSubTLSAddr())
	if err != nil {
		return fmt.Errorf("print the org's address: %w", err)
	}
	return nil
}
