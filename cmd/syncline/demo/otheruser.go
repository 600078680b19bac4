package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// apiVersion is what the other user's program speaks.
const apiVersion = "v60.0"

// otherUser is a second user of the sandbox org: what it does over the API is what
// a person in Salesforce would do.
type otherUser struct {
	url    string
	token  string
	client *http.Client
}

// signIn gets a token for an OAuth client of the org.
func signIn(ctx context.Context, base, id, secret string) (*otherUser, error) {
	o := &otherUser{url: base, client: &http.Client{}}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/services/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var grant struct {
		AccessToken string `json:"access_token"`
	}
	if err := o.do(req, &grant); err != nil {
		return nil, fmt.Errorf("sign in to the sandbox org: %w", err)
	}
	o.token = grant.AccessToken
	return o, nil
}

// create makes a record and returns its Id.
func (o *otherUser) create(ctx context.Context, object string, fields map[string]any) (string, error) {
	var out struct {
		ID string `json:"id"`
	}
	err := o.call(ctx, http.MethodPost, "/services/data/"+apiVersion+"/sobjects/"+object, fields, &out)
	return out.ID, err
}

func (o *otherUser) update(ctx context.Context, object, id string, fields map[string]any) error {
	return o.call(ctx, http.MethodPatch, "/services/data/"+apiVersion+"/sobjects/"+object+"/"+id, fields, nil)
}

func (o *otherUser) remove(ctx context.Context, object, id string) error {
	return o.call(ctx, http.MethodDelete, "/services/data/"+apiVersion+"/sobjects/"+object+"/"+id, nil, nil)
}

func (o *otherUser) call(ctx context.Context, method, path string, body, into any) error {
	var reader io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		reader = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, o.url+path, reader)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+o.token)
	if err := o.do(req, into); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

func (o *otherUser) do(req *http.Request, into any) error {
	resp, err := o.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("status %d: %s", resp.StatusCode, bytes.TrimSpace(body[:min(len(body), 400)]))
	}
	if into == nil || len(body) == 0 {
		return nil
	}
	return json.Unmarshal(body, into)
}
