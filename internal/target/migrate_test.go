package target_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/target"
)

// role makes a login role with no rights but CONNECT and gives its URL.
func role(t *testing.T, db *target.DB, dsn string) (name, roleURL string) {
	t.Helper()
	name = "r" + strings.ReplaceAll(uuid.NewString(), "-", "")
	exec(t, db, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'p'", name))
	t.Cleanup(func() {
		if _, err := db.Pool().Exec(context.Background(), "DROP OWNED BY "+name+" CASCADE; DROP ROLE "+name); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(name, "p")
	return name, u.String()
}

func TestMigrateIsIdempotentAndSafeAtOnce(t *testing.T) {
	t.Parallel()
	db := open(t, pgtest.New(t))
	errs := make(chan error)
	for range 4 {
		go func() { errs <- db.Migrate(t.Context()) }()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	if v := query[int](t, db, "SELECT count(*) FROM _syncline.version"); v != len(files) {
		t.Errorf("%d migrations recorded of %d", v, len(files))
	}
}

func TestMigrateNamesTheGrantThatIsMissing(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	admin := open(t, dsn)
	name, roleURL := role(t, admin, dsn)
	db := open(t, roleURL)
	refused := func() string {
		t.Helper()
		err := db.Migrate(t.Context())
		var rights *target.RightsError
		if !errors.As(err, &rights) {
			t.Fatalf("error %v is not about rights", err)
		}
		return rights.Grant
	}
	grant := refused()
	if !strings.HasPrefix(grant, "GRANT CREATE ON DATABASE ") || !strings.Contains(grant, name) {
		t.Fatalf("grant: %s", grant)
	}
	exec(t, admin, grant)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatalf("after the grant: %v", err)
	}
}

func TestASecondRoleLearnsHowToShareTheSchema(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	admin := open(t, dsn)
	if err := admin.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, roleURL := role(t, admin, dsn)
	db := open(t, roleURL)
	var rights *target.RightsError
	if err := db.Migrate(t.Context()); !errors.As(err, &rights) {
		t.Fatalf("error %v is not about rights", err)
	}
	exec(t, admin, rights.Grant)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := raised(t, db)
	if _, err := db.Write(t.Context(), f, target.Options{}, nothing); err != nil {
		t.Fatal(err)
	}
}

// Who doesn't want to give a right on the database makes the schema by hand.
func TestMigrateUsesASchemaMadeByHand(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	admin := open(t, dsn)
	name, roleURL := role(t, admin, dsn)
	db := open(t, roleURL)
	exec(t, admin, "CREATE SCHEMA _syncline; GRANT USAGE ON SCHEMA _syncline TO "+name)
	var rights *target.RightsError
	if err := db.Migrate(t.Context()); !errors.As(err, &rights) {
		t.Fatalf("without CREATE: error %v is not about rights", err)
	}
	exec(t, admin, rights.Grant)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestMigrateLeavesAStrangersSchemaAlone(t *testing.T) {
	t.Parallel()
	db := open(t, pgtest.New(t))
	exec(t, db, "CREATE SCHEMA _syncline; CREATE TABLE _syncline.mine (id int)")
	if err := db.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "ALTER SCHEMA _syncline RENAME") {
		t.Errorf("error %v", err)
	}
}

func TestAMigrationThatWasPassedOverRuns(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	exec(t, db, "DROP TABLE _syncline.hold; DELETE FROM _syncline.version WHERE version = 2")
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := query[int](t, db, "SELECT count(*) FROM _syncline.hold"); n != 0 {
		t.Errorf("%d holds", n)
	}
}

func TestANewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	exec(t, db, "INSERT INTO _syncline.version (version) VALUES (99)")
	if err := db.Migrate(t.Context()); !errors.Is(err, target.ErrNewer) {
		t.Errorf("error %v", err)
	}
}
