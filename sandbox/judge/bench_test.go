package judge_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/sandbox/judge"
)

// BenchmarkJudge compares 200,000 equal rows of 40 text fields and tells the
// heap that was in use at its end.
func BenchmarkJudge(b *testing.B) {
	const rows, width = 200_000, 40
	dsn := pgtest.New(b)
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(ctx)
	var columns, values, fields []string
	for i := range width {
		columns = append(columns, fmt.Sprintf("f%d__c text", i))
		values = append(values, fmt.Sprintf("'value %d of ' || n", i))
		fields = append(fields, fmt.Sprintf(`"F%d__c": {}`, i))
	}
	_, err = conn.Exec(ctx, "CREATE SCHEMA s; CREATE TABLE s.thing__c ("+strings.Join(columns, ", ")+", sfid varchar(18), id serial); "+
		"INSERT INTO s.thing__c SELECT "+strings.Join(values, ", ")+", 'a00' || lpad(n::text, 12, '0') || 'AAA' FROM generate_series(1, 200000) n")
	if err != nil {
		b.Fatal(err)
	}
	in := judge.Input{Database: dsn, Schema: "s", Dump: func(context.Context, string) (io.ReadCloser, error) { return things(rows, width), nil }}
	b.ResetTimer()
	for b.Loop() {
		in.Config = strings.NewReader(`{"mappings": [{"object_name": "Thing__c", "config": {"fields": {` + strings.Join(fields, ",") + `}}}]}`)
		r, err := judge.Judge(ctx, in)
		if err != nil || !r.Equal() || r.Mappings[0].Equal != rows {
			b.Fatalf("%+v %v", r, err)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapSys)/(1<<20), "MB-heap")
	}
}

// things streams the dump that equals the table.
func things(rows, width int) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		var line strings.Builder
		for n := 1; n <= rows; n++ {
			line.Reset()
			fmt.Fprintf(&line, `{"object":"Thing__c","id":"a00%012dAAA","deleted":false,"fields":{"Id":null`, n)
			for i := range width {
				fmt.Fprintf(&line, `,"F%d__c":"value %d of %d"`, i, i, n)
			}
			line.WriteString("}}\n")
			if _, err := io.WriteString(w, line.String()); err != nil {
				return // the reader has enough
			}
		}
		w.Close()
	}()
	return r
}
