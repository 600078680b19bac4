package record_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/synclinehq/syncline/internal/pgserver/pgtest"
	"github.com/synclinehq/syncline/internal/record"
	"github.com/synclinehq/syncline/internal/record/hstoretext"
	"github.com/synclinehq/syncline/internal/record/recordtest"
	"github.com/synclinehq/syncline/internal/record/restjson"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// layoutOf has one column per case behind an Id.
func layoutOf(cases []recordtest.Case) *record.Layout {
	columns := []record.Column{{Field: "Id", Name: "sfid", Type: record.Type{Kind: record.ID}}}
	for i, c := range cases {
		columns = append(columns, record.Column{Field: fmt.Sprintf("F%d__c", i), Name: fmt.Sprintf("f%d__c", i), Type: c.Type})
	}
	return record.NewLayout(columns)
}

// fromREST reads all cases as one record of a query reply.
func fromREST(t *testing.T, cases []recordtest.Case) *record.Batch {
	t.Helper()
	members := []string{`"attributes":{"type":"X"}`, `"Id":"001000000000001AAA"`}
	for i, c := range cases {
		members = append(members, fmt.Sprintf(`"F%d__c":%s`, i, c.JSON))
	}
	b := record.NewBatch(layoutOf(cases))
	body := `{"totalSize":1,"done":true,"records":[{` + strings.Join(members, ",") + `}]}`
	if _, err := restjson.NewDecoder(b.Layout).DecodePage(strings.NewReader(body), b); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestWireForms holds all forms of a value to one image.
func TestWireForms(t *testing.T) {
	t.Parallel()
	cases := recordtest.Cases()
	rest := fromREST(t, cases)
	for i, c := range cases {
		want := rest.Value(0, i+1)
		if (want == nil) != c.Null {
			t.Errorf("%s: REST gives %v", c.Name, want)
			continue
		}
		cell, err := c.Type.AppendImage(nil, []byte(c.Cell))
		if err != nil || string(cell) != string(want) {
			t.Errorf("%s: cell gives %v, %v; REST %v", c.Name, cell, err, want)
		}
		pairs, err := hstoretext.Parse(string(hstoretext.Append(nil, []hstoretext.Pair{{Key: "k", Value: c.Text, Null: c.Null}})))
		if err != nil {
			t.Fatal(err)
		}
		var logged record.Value
		if !pairs[0].Null {
			if logged, err = c.Type.ParseText(pairs[0].Value); err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
		}
		if !logged.Equal(want) {
			t.Errorf("%s: the log gives %v, REST %v", c.Name, logged, want)
		}
		if got := string(c.Type.AppendText(nil, want)); got != c.Text {
			t.Errorf("%s: text %q, want %q", c.Name, got, c.Text)
		}
		if got := string(c.Type.AppendJSON(nil, want)); got != c.Write {
			t.Errorf("%s: body %s, want %s", c.Name, got, c.Write)
		}
	}
}

// TestImagesArePostgresOwn copies the images into a real table, and reads them
// back as text and as images.
func TestImagesArePostgresOwn(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	cases := recordtest.Cases()
	batch := fromREST(t, cases)
	columns, texts := []string{"sfid varchar(18)"}, make([]string, len(cases))
	for i, c := range cases {
		columns = append(columns, fmt.Sprintf("f%d__c %s", i, c.Type.SQL()))
		texts[i] = fmt.Sprintf("f%d__c::text", i)
		if c.Type.Kind == record.Bool {
			texts[i] = fmt.Sprintf("left(f%d__c::text, 1)", i) // hstore prints t and f
		}
	}
	if _, err := conn.Exec(ctx, "CREATE TABLE x ("+strings.Join(columns, ", ")+")"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.PgConn().CopyFrom(ctx, batch.CopyReader(), "COPY x FROM STDIN BINARY"); err != nil {
		t.Fatal(err)
	}
	read := func(query string, format int16) [][]byte {
		formats := []int16{format}
		r := conn.PgConn().ExecParams(ctx, query, nil, nil, nil, formats).Read()
		if r.Err != nil || len(r.Rows) != 1 {
			t.Fatalf("%d rows, %v", len(r.Rows), r.Err)
		}
		return r.Rows[0]
	}
	printed := read("SELECT "+strings.Join(texts, ", ")+" FROM x", pgx.TextFormatCode)
	images := read("SELECT * FROM x", pgx.BinaryFormatCode)
	for i, c := range cases {
		if (printed[i] == nil) != c.Null || string(printed[i]) != c.Text {
			t.Errorf("%s: Postgres prints %q, want %q", c.Name, printed[i], c.Text)
		}
		if got := batch.Value(0, i+1); string(images[i+1]) != string(got) {
			t.Errorf("%s: Postgres has the image %v, ours is %v", c.Name, images[i+1], got)
		}
	}
}
