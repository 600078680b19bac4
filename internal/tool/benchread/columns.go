package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/synclinehq/syncline/internal/mapping"
	"github.com/synclinehq/syncline/internal/salesforce"
	"github.com/synclinehq/syncline/internal/sobject"
	"github.com/synclinehq/syncline/internal/tool/benchorg"
)

// newOrg starts an org whose object has the rows, and fields enough.
func (b *bench) newOrg(ctx context.Context, rows int) (*benchorg.Org, error) {
	org, err := benchorg.Start(ctx, b.program)
	if err != nil {
		return nil, err
	}
	if err = b.fill(ctx, org, rows); err != nil {
		_ = org.Stop()
		return nil, fmt.Errorf("fill the org: %w", err)
	}
	return org, nil
}

func (b *bench) fill(ctx context.Context, org *benchorg.Org, rows int) error {
	token, err := org.Token(ctx)
	if err != nil {
		return err
	}
	describe, err := client(token, &atomic.Int64{}).Describe(ctx, object)
	if err != nil {
		return err
	}
	lookup := func(string) (*sobject.Object, error) { return describe, nil }
	have := 0
	for _, f := range describe.Fields {
		if _, err := mapping.Resolve(mapping.Mapping{ObjectName: object, Fields: []string{f.Name}}, lookup); err == nil {
			have++
		}
	}
	for ; have < b.columns; have++ {
		def := map[string]any{"name": fmt.Sprintf("Extra_%03d__c", have), "type": "string", "length": 40}
		if err := org.Control(ctx, "POST", "schema", map[string]any{"action": "add", "object": object, "def": def}, nil); err != nil {
			return err
		}
	}
	return org.Control(ctx, "POST", "seed", map[string]any{"object": object, "rows": rows, "seed": 7, "past": true}, nil)
}

// wider adds fields to the mapping up to the number of columns.
func (b *bench) wider(ctx context.Context, org *salesforce.Client) error {
	describe, err := org.Describe(ctx, object)
	if err != nil {
		return err
	}
	lookup := func(string) (*sobject.Object, error) { return describe, nil }
	m := mapping.Mapping{ID: uuid.New(), ConnectionID: b.connection.ID, ObjectName: object, Access: mapping.ReadWrite, PollSeconds: 600}
	for _, f := range longFirst(describe.Fields) {
		next := m
		next.Fields = append(append([]string{}, m.Fields...), f.Name)
		t, err := mapping.Resolve(next, lookup)
		if err != nil {
			continue // a field that can't be mapped
		}
		if len(t.Columns) > b.columns && b.columns > 0 {
			break
		}
		m, b.table = next, t
	}
	if b.columns == 0 && b.table != nil {
		b.columns = len(b.table.Columns)
	}
	if b.table == nil || len(b.table.Columns) != b.columns {
		return fmt.Errorf("%s does not have %d fields that can be mapped", object, b.columns)
	}
	names := make([]string, b.columns)
	for i, c := range b.table.Columns {
		names[i] = c.Name
	}
	b.list, b.query = strings.Join(names, ", "), "SELECT "+strings.Join(b.table.Layout.Paths(), ", ")+" FROM "+object
	return nil
}

// longFirst puts fields with longer texts first, so that few columns make rows
// as long as they are in life.
func longFirst(fields []sobject.Field) []sobject.Field {
	rank := func(f sobject.Field) int {
		switch f.Type {
		case "textarea":
			return 0
		case "string", "url", "email":
			return 1
		default:
			return 2
		}
	}
	out := slices.Clone(fields)
	slices.SortStableFunc(out, func(a, b sobject.Field) int { return rank(a) - rank(b) })
	return out
}
