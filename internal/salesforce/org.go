package salesforce

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Limit is one of the org's limits.
type Limit struct {
	Max       int
	Remaining int
}

// Limits reads all limits by name: "DailyApiRequests", "DailyBulkV2QueryJobs" …
// They may lag by minutes; the usage that [Meter] hears of does not.
func (c *Client) Limits(ctx context.Context) (map[string]Limit, error) {
	var out map[string]Limit
	err := c.getJSON(ctx, KindLimits, c.root+"/limits", &out)
	if err != nil {
		return nil, fmt.Errorf("read limits: %w", err)
	}
	return out, nil
}

// RecordCount is about how many rows each object has, in one call. Objects that
// Salesforce does not count are missing in the result.
func (c *Client) RecordCount(ctx context.Context, objects ...string) (map[string]int, error) {
	var body struct {
		Objects []struct {
			Name  string
			Count int
		} `json:"sObjects"`
	}
	path := c.root + "/limits/recordCount?sObjects=" + url.QueryEscape(strings.Join(objects, ","))
	if err := c.getJSON(ctx, KindLimits, path, &body); err != nil {
		return nil, fmt.Errorf("count records: %w", err)
	}
	out := make(map[string]int, len(body.Objects))
	for _, o := range body.Objects {
		out[o.Name] = o.Count
	}
	return out, nil
}

// Identity is who the session belongs to.
type Identity struct {
	// UserID and OrgID are 18-character Ids.
	UserID, OrgID string
	Username      string
	Email         string
	Locale        string
}

// Identity asks who the session belongs to.
func (c *Client) Identity(ctx context.Context) (Identity, error) {
	var body struct {
		UserID   string `json:"user_id"`
		OrgID    string `json:"organization_id"`
		Username string `json:"preferred_username"`
		Email    string `json:"email"`
		Locale   string `json:"locale"`
	}
	if err := c.getJSON(ctx, kindFree, "/services/oauth2/userinfo", &body); err != nil {
		return Identity{}, fmt.Errorf("read identity: %w", err)
	}
	if body.UserID == "" || body.OrgID == "" {
		return Identity{}, fmt.Errorf("read identity: %w", &Error{
			Status: http.StatusOK, Code: CodeBadReply, Class: AskPerson, Sent: true,
			Message: "the reply names no user or no org; is the org's address right?",
		})
	}
	return Identity(body), nil
}

// Organization is what the org says of itself.
type Organization struct {
	ID, Name, Instance, Type string
	Namespace                string
	IsSandbox                bool
}

// Organization reads the org's own record.
func (c *Client) Organization(ctx context.Context) (Organization, error) {
	rows, err := c.QueryMaps(ctx, "SELECT Id, Name, InstanceName, IsSandbox, OrganizationType, NamespacePrefix FROM Organization", false)
	if err != nil {
		return Organization{}, fmt.Errorf("read organization: %w", err)
	}
	if len(rows) == 0 {
		return Organization{}, errors.New("read organization: the org shows no record of itself to this user")
	}
	text := func(name string) string { s, _ := rows[0][name].(string); return s }
	sandbox, _ := rows[0]["IsSandbox"].(bool)
	return Organization{
		ID: text("Id"), Name: text("Name"), Instance: text("InstanceName"),
		Type: text("OrganizationType"), Namespace: text("NamespacePrefix"), IsSandbox: sandbox,
	}, nil
}

func (c *Client) getJSON(ctx context.Context, kind, path string, out any) error {
	return c.read(ctx, kind, path, func(rep *reply) error {
		return decodeJSON(rep.body, out)
	})
}
