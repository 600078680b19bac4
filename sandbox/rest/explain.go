package rest

import (
	"strings"
)

// explained is one access path of a query as explain shows it.
type explained struct {
	Cardinality          int      `json:"cardinality"`
	Fields               []string `json:"fields"`
	LeadingOperationType string   `json:"leadingOperationType"`
	Notes                []any    `json:"notes"`
	RelativeCost         float64  `json:"relativeCost"`
	SobjectCardinality   int      `json:"sobjectCardinality"`
	SobjectType          string   `json:"sobjectType"`
}

// explain is /query?explain=: the one access path that this org takes. It
// finds out by running the query.
func (c *call) explain(text string) (*reply, error) {
	cur, err := c.s.org.Query(c.ctx, c.actor, text, false)
	if err != nil {
		return nil, err
	}
	p := explained{
		Cardinality: cur.Total, Fields: []string{}, LeadingOperationType: "TableScan", Notes: []any{}, RelativeCost: 1.5,
		SobjectCardinality: c.s.org.Count(cur.Bound.Object), SobjectType: cur.Bound.Object.Name,
	}
	plan := cur.Result.Plan
	field, byField := strings.CutPrefix(plan, "index ")
	switch {
	case byField:
		p.Fields = []string{field}
	case plan == "stamp":
		p.Fields = []string{"SystemModstamp"}
	case plan != "scan":
		p.Fields = []string{"Id"}
	}
	if len(p.Fields) > 0 {
		p.LeadingOperationType = "Index"
		p.RelativeCost = float64(p.Cardinality) / float64(max(p.SobjectCardinality, 1))
	}
	return marshalReply(map[string]any{"plans": []explained{p}, "sourceQuery": text})
}
