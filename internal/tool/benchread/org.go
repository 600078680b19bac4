package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/org"
)

// address is what the org's process tells.
type address struct{ URL, Client, Secret string }

// serveOrg is the org's process: it ends with its standard input.
func (b *bench) serveOrg(ctx context.Context) error {
	s, err := sandbox.Start(ctx, sandbox.Options{Seed: 1})
	if err != nil {
		return err
	}
	if _, err := s.Org.Seed(org.SeedPlan{Object: object, Rows: b.rows, Seed: 7, Past: true}); err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(address{s.URL(), s.Clients[0].ID, s.Clients[0].Secret}); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, s.Close())
}

// orgProcess is a running org.
type orgProcess struct {
	address
	cmd *exec.Cmd
	in  io.Closer
}

func startOrg(ctx context.Context, rows int) (*orgProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-org", "-rows", strconv.Itoa(rows))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the org: %w", err)
	}
	p := &orgProcess{cmd: cmd, in: in}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &p.address)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the org's address: %w", err), p.stop())
	}
	return p, nil
}

func (p *orgProcess) stop() error { return errors.Join(p.in.Close(), p.cmd.Wait()) }

// token signs in.
func (p *orgProcess) token(ctx context.Context) (salesforce.Token, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {p.Client}, "client_secret": {p.Secret}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL+"/services/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return salesforce.Token{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return salesforce.Token{}, err
	}
	defer resp.Body.Close()
	var body struct {
		Access   string `json:"access_token"`
		Instance string `json:"instance_url"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		return salesforce.Token{}, fmt.Errorf("sign in: %s: %w", resp.Status, err)
	}
	if body.Access == "" {
		return salesforce.Token{}, fmt.Errorf("sign in: %s", resp.Status)
	}
	return salesforce.Token{Access: body.Access, InstanceURL: body.Instance}, nil
}
