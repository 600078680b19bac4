package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/synclinehq/syncline/internal/salesforce"
)

const (
	// tokenTimeout is how long the token endpoint may take.
	tokenTimeout = 30 * time.Second
	maxReply     = 64 << 10
)

// oauthClasses: what one does about an error of the token endpoint. One that is
// missing asks a person.
var oauthClasses = map[string]salesforce.Class{
	"invalid_grant":                salesforce.Reauthorize,
	"invalid_client":               salesforce.Reauthorize,
	"invalid_client_id":            salesforce.Reauthorize,
	"unauthorized_client":          salesforce.Reauthorize,
	"invalid_app_access":           salesforce.Reauthorize,
	"inactive_user":                salesforce.Reauthorize,
	"access_denied":                salesforce.Reauthorize,
	"rate_limit_exceeded":          salesforce.RetryLater,
	"server_error":                 salesforce.RetrySoon,
	"temporarily_unavailable":      salesforce.RetrySoon,
	"unknown_error":                salesforce.RetrySoon,
	"inactive_org":                 salesforce.AskPerson,
	"invalid_request":              salesforce.AskPerson,
	"invalid_scope":                salesforce.AskPerson,
	"redirect_uri_mismatch":        salesforce.AskPerson,
	"unsupported_grant_type":       salesforce.AskPerson,
	"OAUTH_APP_ACCESS_DENIED":      salesforce.Reauthorize,
	"OAUTH_APPROVAL_ERROR_GENERIC": salesforce.Reauthorize,
}

// tokenReply is the endpoint's answer, good or bad.
type tokenReply struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	InstanceURL  string `json:"instance_url"`
	ID           string `json:"id"`
	IssuedAt     string `json:"issued_at"`
	Error        string `json:"error"`
	Description  string `json:"error_description"`
}

// ask posts a form to the token endpoint. It is never repeated here: a refresh
// token that rotates is spent by the first request.
func ask(ctx context.Context, hc *http.Client, loginURL string, form url.Values) (Grant, error) {
	attempt, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	var sent atomic.Bool
	attempt = httptrace.WithClientTrace(attempt, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	})
	target := strings.TrimRight(loginURL, "/") + "/services/oauth2/token"
	req, err := http.NewRequestWithContext(attempt, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		return Grant{}, fmt.Errorf("the login address %q is not a URL: %w", loginURL, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := hc.Do(req)
	if err != nil {
		return Grant{}, salesforce.Unanswered(ctx, attempt, err, sent.Load())
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return Grant{}, salesforce.Unanswered(ctx, attempt, err, true)
	}
	return readReply(resp, text)
}

func readReply(resp *http.Response, text []byte) (Grant, error) {
	var r tokenReply
	err := json.Unmarshal(text, &r)
	switch {
	case err == nil && r.Error != "":
		return Grant{}, oauthError(resp, r)
	case resp.StatusCode != http.StatusOK:
		return Grant{}, salesforce.Refused(resp, text)
	case err != nil:
		return Grant{}, &salesforce.Error{
			Status: resp.StatusCode, Code: salesforce.CodeBadReply, Class: salesforce.RetrySoon, Sent: true,
			Message: "the token endpoint's reply is not JSON; is the login address right?",
		}
	case r.AccessToken == "" || r.InstanceURL == "":
		return Grant{}, &salesforce.Error{
			Status: resp.StatusCode, Code: salesforce.CodeBadReply, Class: salesforce.AskPerson, Sent: true,
			Message: "the token endpoint's reply has no access_token or no instance_url; is the login address right?",
		}
	}
	return Grant{
		AccessToken: r.AccessToken, RefreshToken: r.RefreshToken,
		InstanceURL: strings.TrimRight(r.InstanceURL, "/"), IdentityURL: r.ID,
		IssuedAt: issuedAt(r.IssuedAt),
	}, nil
}

func oauthError(resp *http.Response, r tokenReply) error {
	class, ok := oauthClasses[r.Error]
	switch d := strings.ToLower(r.Description); {
	case strings.Contains(d, "login rate exceeded"):
		class = salesforce.RetryLater
	case strings.Contains(d, "ip restricted"):
		class = salesforce.AskPerson
	case !ok && resp.StatusCode >= 500:
		class = salesforce.RetrySoon
	case !ok:
		class = salesforce.AskPerson
	}
	return &salesforce.Error{
		Status: resp.StatusCode, Code: r.Error, Message: r.Description, Class: class, Sent: true,
	}
}

// issuedAt reads the endpoint's milliseconds since 1970; zero if there are none.
func issuedAt(ms string) time.Time {
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}

// errUnauthorized is for a connection to which nobody has given consent yet.
var errUnauthorized = &salesforce.Error{
	Code: "not_authorized", Class: salesforce.Reauthorize,
	Message: "nobody has authorised this connection yet",
}

var errNoFlow = errors.New("the connection's credentials name no flow that gets a session")
