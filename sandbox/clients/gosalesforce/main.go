// Command gosalesforce drives a sandbox org with go-salesforce as its users
// do. It ends with code 1 at the first difference.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	salesforce "github.com/k-capehart/go-salesforce/v3"
)

type account struct {
	ID         string `json:"Id,omitempty" csv:"Id,omitempty" mapstructure:"Id,omitempty"`
	Name       string `json:"Name,omitempty" csv:"Name,omitempty"`
	ExternalID string `json:"External_ID__c,omitempty" csv:"External_ID__c,omitempty" mapstructure:"External_ID__c,omitempty"`
}

type contact struct {
	ID       string `mapstructure:"Id" csv:"Id"`
	LastName string
}

func main() {
	var target struct{ URL, ClientID, ClientSecret string }
	if err := json.Unmarshal([]byte(os.Args[1]), &target); err != nil {
		fail("read argument", err)
	}
	sf, err := salesforce.Init(salesforce.Creds{Domain: target.URL, ConsumerKey: target.ClientID, ConsumerSecret: target.ClientSecret})
	if err != nil {
		fail("login", err)
	}
	for _, step := range []struct {
		name string
		do   func(*salesforce.Salesforce) error
	}{{"records", records}, {"collections", collections}, {"composite", composite}, {"queries", queries}, {"bulk", bulk}, {"bulk export", export}} {
		if err := step.do(sf); err != nil {
			fail(step.name, err)
		}
	}
	fmt.Println("go-salesforce: all steps passed")
}

func fail(step string, err error) {
	fmt.Fprintf(os.Stderr, "%s: %v\n", step, err)
	os.Exit(1)
}

func want(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

func records(sf *salesforce.Salesforce) error {
	made, err := sf.InsertOne("Account", account{Name: "gsf"})
	if err != nil {
		return err
	}
	if err := sf.UpdateOne("Account", account{ID: made.Id, Name: "gsf 2"}); err != nil {
		return err
	}
	up, err := sf.UpsertOne("Account", "External_ID__c", account{ExternalID: "gs-1", Name: "one"})
	if err != nil {
		return err
	}
	again, err := sf.UpsertOne("Account", "External_ID__c", account{ExternalID: "gs-1", Name: "uno"})
	if err != nil {
		return err
	}
	if err := sf.DeleteOne("Account", account{ID: made.Id}); err != nil {
		return err
	}
	_, err = sf.InsertOne("Account", account{ExternalID: "x"})
	return errors.Join(
		want(up.Success && (again.Id == up.Id || again.Id == ""), "upserts %v %v", up, again),
		want(err != nil && strings.Contains(err.Error(), "REQUIRED_FIELD_MISSING"), "an account without a name: %v", err))
}

func many(prefix string, n int) []account {
	list := make([]account, n)
	for i := range list {
		list[i] = account{Name: fmt.Sprint(prefix, " ", i), ExternalID: fmt.Sprint(prefix, "-", i)}
	}
	return list
}

func collections(sf *salesforce.Salesforce) error {
	made, err := sf.InsertCollection("Account", many("gsc", 250), 200)
	if err != nil {
		return err
	}
	up, err := sf.UpsertCollection("Account", "External_ID__c", many("gsc", 300), 200)
	if err != nil {
		return err
	}
	gone, err := sf.DeleteCollection("Account", []account{{ID: made.Results[0].Id}, {ID: made.Results[1].Id}}, 200)
	if err != nil {
		return err
	}
	return errors.Join(
		want(len(made.Results) == 250 && !made.HasSalesforceErrors, "inserts %d %v", len(made.Results), made.HasSalesforceErrors),
		want(len(up.Results) == 300 && !up.HasSalesforceErrors, "upserts %d %v", len(up.Results), up.HasSalesforceErrors),
		want(len(gone.Results) == 2 && !gone.HasSalesforceErrors, "deletes %v", gone))
}

func composite(sf *salesforce.Salesforce) error {
	res, err := sf.InsertComposite("Account", many("gsx", 250), 100, true)
	if err != nil {
		return err
	}
	return want(!res.HasSalesforceErrors, "composite %v", res)
}

func queries(sf *salesforce.Salesforce) error {
	var contacts []contact
	if err := sf.Query("SELECT Id, LastName FROM Contact", &contacts); err != nil {
		return err
	}
	var named []account
	if err := sf.Query("SELECT Id, Name, External_ID__c FROM Account WHERE External_ID__c = 'gs-1'", &named); err != nil {
		return err
	}
	var nothing []account
	err := sf.Query("SELECT Nope FROM Account", &nothing)
	return errors.Join(
		want(len(contacts) == 4500 && contacts[0].LastName != "", "query found %d contacts", len(contacts)),
		want(len(named) == 1 && named[0].Name == "uno", "query by external id: %v", named),
		want(err != nil && strings.Contains(err.Error(), "INVALID_FIELD"), "query of an unknown field: %v", err))
}

func bulk(sf *salesforce.Salesforce) error {
	ids, err := sf.InsertBulk("Account", many("gsb", 450), 200, true)
	if err != nil {
		return err
	}
	for _, id := range ids {
		res, err := sf.GetJobResults(id)
		if err != nil {
			return err
		}
		if res.State != "JobComplete" || res.NumberRecordsFailed != 0 {
			return fmt.Errorf("insert job %s: %s, %d failed", id, res.State, res.NumberRecordsFailed)
		}
	}
	ids2, err := sf.UpsertBulk("Account", "External_ID__c", append(many("gsb", 10), account{ExternalID: "gs-none"}), 1000, true)
	if err != nil {
		return err
	}
	res, err := sf.GetJobResults(ids2[0])
	if err != nil {
		return err
	}
	return errors.Join(
		want(len(ids) == 3, "%d jobs", len(ids)),
		want(res.NumberRecordsFailed == 1 && len(res.FailedRecords) == 1 && len(res.SuccessfulRecords) == 10, "upsert job %+v", res))
}

func export(sf *salesforce.Salesforce) error {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("gosalesforce-%d.csv", os.Getpid()))
	defer func() { _ = os.Remove(path) }()
	if err := sf.QueryBulkExport("SELECT Id, LastName FROM Contact", path); err != nil {
		return err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	it, err := sf.QueryBulkIterator("SELECT Id, LastName FROM Contact")
	if err != nil {
		return err
	}
	rows := 0
	for it.Next() {
		var page []contact
		if err := it.Decode(&page); err != nil {
			return err
		}
		rows += len(page)
	}
	return errors.Join(it.Error(),
		want(strings.Count(string(b), "\n") == 4501, "export has %d lines", strings.Count(string(b), "\n")),
		want(rows == 4500, "iterator gave %d rows", rows))
}
