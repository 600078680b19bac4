// Package benchorg runs a sandbox org in a process of its own, as the
// benchmarks need it: the org's time is not the product's.
package benchorg

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

// Org is a running org and how one signs in to it.
type Org struct {
	URL    string `json:"org_url"`
	Client string `json:"org_client_id"`
	Secret string `json:"org_client_secret"`

	cmd *exec.Cmd
}

// Start runs "program sandbox" without records. [Org.Stop] ends it, as the end
// of ctx does.
func Start(ctx context.Context, program string) (*Org, error) {
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
	o := &Org{cmd: cmd}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, o)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the org's address: %w", err), o.Stop())
	}
	return o, nil
}

// Stop ends the process.
func (o *Org) Stop() error {
	err := o.cmd.Process.Signal(os.Interrupt)
	_ = o.cmd.Wait() // it ends by the signal
	return err
}

// PID is the process.
func (o *Org) PID() int { return o.cmd.Process.Pid }

// Token signs in.
func (o *Org) Token(ctx context.Context) (salesforce.Token, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {o.Client}, "client_secret": {o.Secret}}
	var body struct {
		Access   string `json:"access_token"`
		Instance string `json:"instance_url"`
	}
	err := o.do(ctx, http.MethodPost, "/services/oauth2/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()), &body)
	if err == nil && body.Access == "" {
		err = errors.New("the reply has no token")
	}
	if err != nil {
		return salesforce.Token{}, fmt.Errorf("sign in: %w", err)
	}
	return salesforce.Token{Access: body.Access, InstanceURL: body.Instance}, nil
}

// Control asks the org's control plane; body and out may be nil.
func (o *Org) Control(ctx context.Context, method, endpoint string, body, out any) error {
	var b []byte
	if body != nil {
		var err error
		if b, err = json.Marshal(body); err != nil {
			return err
		}
	}
	return o.do(ctx, method, "/_sandbox/"+endpoint, "application/json", bytes.NewReader(b), out)
}

func (o *Org) do(ctx context.Context, method, path, kind string, body io.Reader, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, o.URL+path, body)
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
