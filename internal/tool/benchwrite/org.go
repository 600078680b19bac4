package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"

	"github.com/synclinehq/syncline/internal/salesforce"
)

// orgProcess is a running org.
type orgProcess struct {
	URL    string `json:"org_url"`
	Client string `json:"org_client_id"`
	Secret string `json:"org_client_secret"`

	cmd *exec.Cmd
}

// startOrg runs "syncline sandbox".
func startOrg(ctx context.Context, program string) (*orgProcess, error) {
	cmd := exec.CommandContext(ctx, program, "sandbox", "--json", "--rows", "0")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the org: %w", err)
	}
	p := &orgProcess{cmd: cmd}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, p)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the org's address: %w", err), p.stop())
	}
	return p, nil
}

func (p *orgProcess) stop() error {
	err := p.cmd.Process.Signal(os.Interrupt)
	_ = p.cmd.Wait() // it ends by the signal
	return err
}

// token signs in.
func (p *orgProcess) token(ctx context.Context) (salesforce.Token, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {p.Client}, "client_secret": {p.Secret}}
	var body struct {
		Access   string `json:"access_token"`
		Instance string `json:"instance_url"`
	}
	err := p.do(ctx, http.MethodPost, "/services/oauth2/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()), &body)
	if err != nil {
		return salesforce.Token{}, fmt.Errorf("sign in: %w", err)
	}
	return salesforce.Token{Access: body.Access, InstanceURL: body.Instance}, nil
}

// control asks the org's control plane.
func (p *orgProcess) control(ctx context.Context, method, endpoint string, body, out any) error {
	var b []byte
	if body != nil {
		var err error
		if b, err = json.Marshal(body); err != nil {
			return err
		}
	}
	return p.do(ctx, method, "/_sandbox/"+endpoint, "application/json", bytes.NewReader(b), out)
}

func (p *orgProcess) do(ctx context.Context, method, path, kind string, body io.Reader, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, p.URL+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", kind)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode > 299 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(out)
}
