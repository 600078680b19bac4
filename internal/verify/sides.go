package verify

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/record"
)

// row is a record or a row: its values in layout order, and for a row its id.
type row struct {
	id     int32
	sfid   string
	values []record.Value
}

// readRows runs a statement that gives id and columns; texts is its only
// argument, nil if it has none.
func readRows(ctx context.Context, conn *pgconn.PgConn, t *mapping.Table, sql string, texts []string) ([]row, error) {
	var args [][]byte
	if texts != nil {
		args = [][]byte{textArray(texts)}
	}
	res := conn.ExecParams(ctx, sql, args, nil, nil, []int16{pgx.BinaryFormatCode}).Read()
	if res.Err != nil {
		return nil, fmt.Errorf("read %s: %w", t.Name, res.Err)
	}
	out := make([]row, len(res.Rows))
	for i, raw := range res.Rows {
		values := make([]record.Value, len(raw)-1)
		for c, v := range raw[1:] {
			if v != nil {
				values[c] = v
			}
		}
		out[i] = row{id: record.Value(raw[0]).Int(), sfid: values[t.Layout.ID].String(), values: values}
	}
	return out, nil
}

// textArray is the text form of an array of texts.
func textArray(texts []string) []byte {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	quoted := make([]string, len(texts))
	for i, s := range texts {
		quoted[i] = `"` + escape.Replace(s) + `"`
	}
	return []byte("{" + strings.Join(quoted, ",") + "}")
}
