// Command export writes the result of a query to a CSV file with
// go-salesforce's Bulk export, for benchmarks to compare with. Replies are not
// compressed, as they are not for the other side.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	salesforce "github.com/k-capehart/go-salesforce/v3"
)

func main() {
	if err := export(); err != nil {
		fmt.Fprintln(os.Stderr, "export:", err)
		os.Exit(1)
	}
}

// export takes the org, a query and the file's path as one JSON argument.
func export() error {
	var in struct{ URL, ClientID, ClientSecret, Query, File string }
	if err := json.Unmarshal([]byte(os.Args[1]), &in); err != nil {
		return fmt.Errorf("read argument: %w", err)
	}
	sf, err := salesforce.Init(salesforce.Creds{Domain: in.URL, ConsumerKey: in.ClientID, ConsumerSecret: in.ClientSecret},
		salesforce.WithRoundTripper(&http.Transport{DisableCompression: true}), salesforce.WithHTTPTimeout(time.Hour))
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	return sf.QueryBulkExport(in.Query, in.File)
}
