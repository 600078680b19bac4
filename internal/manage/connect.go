package manage

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/access"
	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/salesforce/auth"
	"github.com/synclinehq/syncline/internal/schema"
	"github.com/synclinehq/syncline/internal/secret"
	"github.com/synclinehq/syncline/internal/store"
	"github.com/synclinehq/syncline/internal/target"
)

// NewConnection is what a connection is made of.
type NewConnection struct {
	// Name is for people; AppName's if empty. ResourceName is unique within the
	// app; one is made up if empty.
	Name, AppName, ResourceName string
	// DatabaseURL leads to the database, or DBKey names the environment
	// variable of the server that holds it, one that the operator has listed.
	// Its value is read once, now, and kept sealed.
	DatabaseURL secret.Text
	DBKey       string
	// DirectURL reaches the same database without a pooler; it may be empty.
	DirectURL secret.Text
	// Schema holds the tables; "salesforce" if empty.
	Schema string
	// LoginURL is scheme and host of the org's login server or My Domain.
	LoginURL string
	// Flow is client_credentials if empty.
	Flow         mapping.Flow
	ClientID     string
	ClientSecret secret.Text
	// RefreshToken is needed for the flow refresh_token.
	RefreshToken secret.Text
	// APIVersion as "64.0"; salesforce.DefaultVersion if empty.
	APIVersion string
}

var (
	versionPattern = regexp.MustCompile(`^[1-9][0-9]{1,2}\.0$`)
	namePattern    = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,98}$`)
)

// CreateConnection tests the database, signs in to the org, and stores the
// connection. On any error nothing is stored. Schema _syncline is made in the
// database only when all else is in order.
func (s *Service) CreateConnection(ctx context.Context, c Caller, n NewConnection) (mapping.Connection, error) {
	none := mapping.Connection{}
	if err := problem("", c.Check(access.Administer, uuid.Nil)); err != nil {
		return none, err
	}
	if err := s.complete(&n); err != nil {
		return none, err
	}
	if err := s.nameIsFree(ctx, n); err != nil {
		return none, err
	}
	db, err := target.Open(ctx, target.Config{URL: n.DatabaseURL.Reveal(), ApplicationName: "syncline setup", MaxConns: 2})
	if err != nil {
		return none, invalid("The database URL can't be read.", "Give it as postgres://user:password@host:port/database.")
	}
	defer db.Close()
	if err := db.Ping(ctx); err != nil {
		return none, problem("connect to the database", err)
	}
	conn := n.connection()
	grant, err := s.authorise(ctx, n, &conn)
	if err != nil {
		return none, err
	}
	if err := prepare(ctx, db, conn); err != nil {
		return none, problem("prepare the database", err)
	}
	return s.keep(ctx, c, n, conn, grant)
}

// complete fills in defaults and says all that is wrong.
func (s *Service) complete(n *NewConnection) error {
	if n.Name == "" {
		n.Name = n.AppName
	}
	n.Schema = orElse(n.Schema, "salesforce")
	n.APIVersion = orElse(n.APIVersion, salesforce.DefaultVersion)
	n.Flow = mapping.Flow(orElse(string(n.Flow), string(mapping.ClientCredentials)))
	n.LoginURL = strings.TrimRight(n.LoginURL, "/")
	var faults []Detail
	fault := func(where, what, fix string) { faults = append(faults, Detail{where, what, fix}) }
	for _, name := range []struct{ where, value string }{{"name", n.Name}, {"app_name", n.AppName}, {"resource_name", n.ResourceName}} {
		if name.value != "" && !namePattern.MatchString(name.value) {
			fault(name.where, "has characters that a name can't have, or is too long", "use letters, digits, spaces, . _ and -")
		}
	}
	if n.Name == "" {
		fault("name", "is missing", "")
	}
	s.completeDatabase(n, fault)
	completeOrg(n, fault)
	if len(faults) > 0 {
		return invalid("The connection can't be made as it was asked for.", "Correct the values named.", faults...)
	}
	return nil
}

func (s *Service) completeDatabase(n *NewConnection, fault func(where, what, fix string)) {
	switch {
	case n.DatabaseURL.Empty() && n.DBKey == "":
		fault("database_url", "is missing", "give the URL, or db_key with a variable that the server's operator has listed")
	case !n.DatabaseURL.Empty() && n.DBKey != "":
		fault("db_key", "is given beside database_url", "give one of them")
	case n.DBKey != "" && !slices.Contains(s.cfg.DBKeys, n.DBKey):
		fault("db_key", "is not one that the server's operator has listed", "list it in SYNCLINE_DB_KEYS, or give database_url")
	case n.DBKey != "":
		n.DatabaseURL = secret.NewText(s.cfg.Getenv(n.DBKey))
		if n.DatabaseURL.Empty() {
			fault("db_key", "names a variable that the server's environment does not have", "")
		}
	}
	if len(n.Schema) > 63 || strings.ContainsRune(n.Schema, 0) || strings.HasPrefix(n.Schema, "pg_") ||
		n.Schema == "_syncline" || n.Schema == store.Schema || n.Schema == "information_schema" {
		fault("schema", "can't hold mapped tables", "choose another name, such as salesforce")
	}
}

func completeOrg(n *NewConnection, fault func(where, what, fix string)) {
	if u, err := url.Parse(n.LoginURL); n.LoginURL == "" {
		fault("login_url", "is missing", "give the org's My Domain, such as https://example.my.salesforce.com")
	} else if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.Path != "" || u.User != nil || u.RawQuery != "" {
		fault("login_url", "is not scheme and host of a web address", "give it as https://example.my.salesforce.com")
	}
	if !versionPattern.MatchString(n.APIVersion) {
		fault("api_version", "is not a version", "give it as "+salesforce.DefaultVersion)
	}
	if n.ClientID == "" {
		fault("client_id", "is missing", "")
	}
	switch n.Flow {
	case mapping.ClientCredentials:
		if n.ClientSecret.Empty() {
			fault("client_secret", "is missing", "")
		}
	case mapping.RefreshToken:
		if n.RefreshToken.Empty() {
			fault("refresh_token", "is missing", "")
		}
	default:
		fault("flow", "is not known", "use client_credentials or refresh_token")
	}
}

func orElse(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

func (s *Service) nameIsFree(ctx context.Context, n NewConnection) error {
	if n.ResourceName == "" {
		return nil
	}
	same, err := s.store.ConnectionsByApp(ctx, n.AppName)
	if err != nil {
		return fmt.Errorf("look for the name: %w", err)
	}
	if len(matching(same, n.ResourceName)) > 0 {
		return &Problem{Kind: Conflict, What: fmt.Sprintf("There is a connection %q already.", n.ResourceName), Fix: "Choose another resource name."}
	}
	return nil
}

func (n NewConnection) connection() mapping.Connection {
	return mapping.Connection{
		ID: uuid.New(), Name: n.Name, AppName: n.AppName, ResourceName: n.ResourceName,
		Schema: n.Schema, DBKey: n.DBKey, Algorithm: mapping.Dependency, APIVersion: n.APIVersion,
		Org: mapping.Org{
			LoginURL: n.LoginURL, Flow: n.Flow, ClientID: n.ClientID, Environment: environment(n.LoginURL),
		},
		Status: mapping.Status{Stage: mapping.StageAuthorized},
	}
}

func environment(loginURL string) string {
	switch strings.TrimPrefix(loginURL, "https://") {
	case "login.salesforce.com":
		return "production"
	case "test.salesforce.com":
		return "sandbox"
	}
	return "custom"
}

// authorise signs in and asks who we are. Neither counts as an API call.
func (s *Service) authorise(ctx context.Context, n NewConnection, conn *mapping.Connection) (auth.Grant, error) {
	var grant auth.Grant
	var err error
	if n.Flow == mapping.RefreshToken {
		old := n.RefreshToken.Reveal()
		grant, err = auth.Refresh(ctx, s.cfg.HTTP, n.LoginURL, n.ClientID, n.ClientSecret.Reveal(), old)
		grant.RefreshToken = orElse(grant.RefreshToken, old)
	} else {
		grant, err = auth.ClientCredentials(ctx, s.cfg.HTTP, n.LoginURL, n.ClientID, n.ClientSecret.Reveal())
	}
	if err != nil {
		return grant, problem("sign in to Salesforce", err)
	}
	org := salesforce.New(salesforce.Config{
		Version: n.APIVersion, HTTP: s.cfg.HTTP, Tokens: salesforce.StaticToken(grant.Token()), CallClient: s.cfg.CallClient,
	})
	who, err := org.Identity(ctx)
	if err != nil {
		return grant, problem("ask the org who we are", err)
	}
	if conn.APIVersion, err = offered(ctx, org, n.APIVersion); err != nil {
		return grant, err
	}
	conn.Org.InstanceURL = grant.InstanceURL
	conn.Org.OrganizationID, conn.Org.UserID, conn.Org.Username = who.OrgID, who.UserID, who.Username
	conn.Org.AuthorizedAt = s.cfg.Clock.Now()
	return grant, nil
}

// offered is the API version that was asked for, if the org has it. An org that
// lacks our default is asked for its newest.
func offered(ctx context.Context, org *salesforce.Client, version string) (string, error) {
	all, err := versionsOf(ctx, org)
	switch {
	case err != nil:
		return "", err
	case slices.Contains(all, version):
		return version, nil
	case version == salesforce.DefaultVersion:
		return all[len(all)-1], nil
	}
	return "", notOffered(version, all, "api_version")
}

// versionsOf are the API versions that the org offers, the oldest first; there
// is at least one.
func versionsOf(ctx context.Context, org *salesforce.Client) ([]string, error) {
	all, err := org.Versions(ctx)
	if err != nil {
		return nil, problem("ask the org for its API versions", err)
	}
	if len(all) == 0 {
		return nil, &Problem{Kind: Unavailable, What: "The org lists no API versions.", Fix: "Check the org's address."}
	}
	slices.SortFunc(all, func(a, b string) int { return versionNumber(a) - versionNumber(b) })
	return all, nil
}

// versionNumber is 64 for "64.0", and 0 for what is no version.
func versionNumber(version string) int {
	major, _, _ := strings.Cut(version, ".")
	n, _ := strconv.Atoi(major)
	return n
}

func notOffered(version string, all []string, where string) *Problem {
	return invalid("The org does not offer API version "+version+".",
		"Choose one from "+all[0]+" to "+all[len(all)-1]+", or leave it out.", Detail{Where: where, What: "is not offered by the org"})
}

// prepare makes schema _syncline and finds out whether the role may make the
// connection's schema, without making it.
func prepare(ctx context.Context, db *target.DB, conn mapping.Connection) error {
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	_, err := schema.Plan(ctx, db.Pool(), conn, nil)
	return err
}

// keep stores connection, secrets and audit entry in one transaction.
func (s *Service) keep(ctx context.Context, c Caller, n NewConnection, conn mapping.Connection, grant auth.Grant) (mapping.Connection, error) {
	secrets := store.Secrets{DatabaseURL: n.DatabaseURL, DirectURL: n.DirectURL, ClientSecret: n.ClientSecret}
	var kept mapping.Connection
	err := s.store.InTx(ctx, func(tx *store.Tx) error {
		var err error
		if kept, err = tx.CreateConnection(ctx, conn, secrets); err != nil {
			return err
		}
		return audit(ctx, tx, c, "connection.create", kept.ResourceName, kept.ID, nil, s.describe(kept, n))
	})
	if err != nil {
		return kept, problem("store the connection", err)
	}
	if err := s.store.SetGrant(ctx, kept.ID, grant); err != nil {
		undo := s.store.DeleteConnection(context.WithoutCancel(ctx), kept.ID)
		return mapping.Connection{}, fmt.Errorf("store the org's grant: %w", errors.Join(err, undo))
	}
	s.event(ctx, store.Event{Connection: kept.ID, Event: "CREATE CONNECTION " + kept.ResourceName})
	s.changed(ctx, kept.ID)
	return kept, nil
}

// describe is a connection in the audit trail; secrets are fingerprints.
func (s *Service) describe(conn mapping.Connection, n NewConnection) map[string]any {
	out := map[string]any{
		"name": conn.Name, "app_name": conn.AppName, "resource_name": conn.ResourceName, "schema": conn.Schema,
		"login_url": conn.Org.LoginURL, "organization_id": conn.Org.OrganizationID, "username": conn.Org.Username,
		"flow": conn.Org.Flow, "client_id": conn.Org.ClientID, "api_version": conn.APIVersion,
	}
	if conn.DBKey != "" {
		out["db_key"] = conn.DBKey
	}
	for key, text := range map[string]secret.Text{
		"database_url": n.DatabaseURL, "direct_url": n.DirectURL, "client_secret": n.ClientSecret, "refresh_token": n.RefreshToken,
	} {
		if !text.Empty() {
			out[key] = "fingerprint " + s.cfg.Keys.Fingerprint(text.Reveal())
		}
	}
	return out
}
