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
	"strings"

	"github.com/synclinehq/syncline/internal/salesforce"
)

// address is what the org's process tells.
type address struct {
	URL    string `json:"org_url"`
	Client string `json:"org_client_id"`
	Secret string `json:"org_client_secret"`
}

// orgProcess is a running org.
type orgProcess struct {
	address
	cmd *exec.Cmd
}

// startOrg runs "syncline sandbox" and fills its object with rows.
func startOrg(ctx context.Context, program string, rows, columns int) (*orgProcess, error) {
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
		err = json.Unmarshal(line, &p.address)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the org's address: %w", err), p.stop())
	}
	if err := p.seed(ctx, rows); err != nil {
		return nil, errors.Join(fmt.Errorf("fill the org: %w", err), p.stop())
	}
	return p, nil
}

func (p *orgProcess) stop() error {
	err := p.cmd.Process.Signal(os.Interrupt)
	_ = p.cmd.Wait() // it ends by the signal
	return err
}

func (p *orgProcess) seed(ctx context.Context, rows int) error {
	body := fmt.Sprintf(`{"object":%q,"rows":%d,"seed":7,"past":true}`, object, rows)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL+"/_sandbox/seed", strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode > 299 {
		text, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("%s: %s", resp.Status, text)
	}
	return nil
}

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
