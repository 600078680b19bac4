//go:build unix

package faulttest

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

// orgUser is somebody else who works in the org, over its API.
type orgUser struct{ base, token string }

func (s *site) signIn(ctx context.Context) (*orgUser, error) {
	c := s.org.Clients[1]
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.ID}, "client_secret": {c.Secret}}
	u := &orgUser{base: s.org.URL()}
	var grant struct {
		AccessToken string `json:"access_token"`
	}
	err := u.do(ctx, http.MethodPost, "/services/oauth2/token", "application/x-www-form-urlencoded", []byte(form.Encode()), &grant)
	u.token = grant.AccessToken
	return u, err
}

// refusal is the org's answer to a call that it did not carry out.
type refusal struct {
	status int
	body   string
}

func (r *refusal) Error() string { return fmt.Sprintf("status %d: %s", r.status, r.body) }

// lostRace says that the record was gone or locked: the other side was faster.
func (r *refusal) lostRace() bool {
	for _, code := range []string{"NOT_FOUND", "ENTITY_IS_DELETED", "UNABLE_TO_LOCK_ROW"} {
		if strings.Contains(r.body, code) {
			return true
		}
	}
	return false
}

func (u *orgUser) do(ctx context.Context, method, path, contentType string, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, u.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Authorization", "Bearer "+u.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return &refusal{resp.StatusCode, string(text)}
	}
	if into == nil || len(text) == 0 {
		return nil
	}
	return json.Unmarshal(text, into)
}

func (u *orgUser) record(ctx context.Context, method, path string, fields map[string]any, into any) error {
	body, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	return u.do(ctx, method, "/services/data/v60.0/sobjects/"+path, "application/json", body, into)
}

func (u *orgUser) create(ctx context.Context, object string, fields map[string]any) (string, error) {
	var out struct {
		ID string `json:"id"`
	}
	err := u.record(ctx, http.MethodPost, object, fields, &out)
	return out.ID, err
}

func (u *orgUser) update(ctx context.Context, object, id string, fields map[string]any) error {
	return u.record(ctx, http.MethodPatch, object+"/"+id, fields, nil)
}

func (u *orgUser) remove(ctx context.Context, object, id string) error {
	return u.record(ctx, http.MethodDelete, object+"/"+id, nil, nil)
}

// ids lists an object's records, in the order of their Ids.
func (u *orgUser) ids(ctx context.Context, object string) ([]string, error) {
	var page struct {
		Records []struct{ Id string } //nolint:revive // as the org spells it
		NextURL string                `json:"nextRecordsUrl"`
	}
	path := "/services/data/v60.0/query?q=" + url.QueryEscape("SELECT Id FROM "+object+" ORDER BY Id")
	var out []string
	for path != "" {
		page.NextURL, page.Records = "", nil
		if err := u.do(ctx, http.MethodGet, path, "", nil, &page); err != nil {
			return nil, err
		}
		for _, r := range page.Records {
			out = append(out, r.Id)
		}
		path = page.NextURL
	}
	return out, nil
}
