package demo

import (
	"fmt"
	"io"

	"github.com/synclinehq/syncline/client"
	"github.com/synclinehq/syncline/sandbox/judge"
)

// findings tells the first differences of both judges in words.
func findings(first client.Report, second *judge.Report) []string {
	var out []string
	for _, m := range first.Mappings {
		for _, d := range m.Samples {
			line := fmt.Sprintf("verify: %s %s %s (row %d)", m.ObjectName, d.Kind, d.SFID, d.ID)
			for _, f := range d.Fields {
				line += fmt.Sprintf("; %s: Salesforce %s, Postgres %s", f.Field, shown(f.Salesforce), shown(f.Postgres))
			}
			out = append(out, line)
		}
	}
	for _, m := range second.Mappings {
		for _, t := range []struct {
			what  string
			tally judge.Tally
		}{
			{"missing", m.Missing}, {"extra", m.Extra}, {"without Id", m.NoID}, {"different", m.Fields},
			{"column", m.Columns}, {"duplicate record", m.OrgDuplicates}, {"duplicate row", m.RowDuplicates},
		} {
			for _, f := range t.tally.Samples {
				out = append(out, fmt.Sprintf("second judge: %s %s %s (row %d); %s: Salesforce %q, Postgres %q %s",
					m.Object, t.what, f.ID, f.Row, f.Field, f.Org, f.Postgres, f.Detail))
			}
		}
	}
	for _, f := range second.CreatedTwice.Samples {
		out = append(out, fmt.Sprintf("second judge: created twice: %s %s", f.ID, f.Detail))
	}
	return out[:min(len(out), 40)]
}

func shown(s *string) string {
	if s == nil {
		return "NULL"
	}
	return fmt.Sprintf("%q", *s)
}

// print tells the report to people.
func (r *Report) print(out io.Writer) error {
	verdict := "Both sides are equal."
	if r.Differences > 0 || r.Duplicates > 0 {
		verdict = "THE TWO SIDES ARE NOT EQUAL."
	}
	_, err := fmt.Fprintf(out, `%s

  mappings               %d
  rows                   %d
  changes to Salesforce  %d   p50 %.0f ms, p99 %.0f ms
  changes to Postgres    %d   p50 %.0f ms, p99 %.0f ms
  API calls              %d (the org counted %d)
  conflicts              %d
  write errors           %d by the validation rule, %d on deleted records, %d other
  differences            %d
  duplicates             %d
`, verdict, r.Mappings, r.Rows,
		r.ChangesToSalesforce, r.LatencyMS.ToSalesforce.P50, r.LatencyMS.ToSalesforce.P99,
		r.ChangesToPostgres, r.LatencyMS.ToPostgres.P50, r.LatencyMS.ToPostgres.P99,
		r.APICalls, r.OrgAPICalls, r.Conflicts,
		r.WriteErrors.ValidationRule, r.WriteErrors.RecordDeleted, r.WriteErrors.Other,
		r.Differences, r.Duplicates)
	for _, f := range r.Findings {
		if err == nil {
			_, err = fmt.Fprintln(out, "  "+f)
		}
	}
	return err
}
