package rest

import (
	"strings"

	"github.com/synclinehq/syncline/sandbox/org"
)

// duplicateResult is what an error says of a duplicate rule's findings.
type duplicateResult struct {
	AllowSave    bool          `json:"allowSave"`
	Rule         string        `json:"duplicateRule"`
	EntityType   string        `json:"duplicateRuleEntityType"`
	ErrorMessage string        `json:"errorMessage"`
	MatchResults []matchResult `json:"matchResults"`
}

type matchResult struct {
	EntityType   string        `json:"entityType"`
	Errors       []any         `json:"errors"`
	MatchEngine  string        `json:"matchEngine"`
	MatchRecords []matchRecord `json:"matchRecords"`
	Rule         string        `json:"rule"`
	Size         int           `json:"size"`
	Success      bool          `json:"success"`
}

type matchRecord struct {
	AdditionalInformation []any       `json:"additionalInformation"`
	FieldDiffs            []any       `json:"fieldDiffs"`
	MatchConfidence       float64     `json:"matchConfidence"`
	Record                matchedLink `json:"record"`
}

type matchedLink struct {
	Attributes struct {
		Type string `json:"type"`
	} `json:"attributes"`
	ID string `json:"Id"`
}

// duplicates is the findings behind an error, nil if it has none.
func duplicates(e *org.RowError) *duplicateResult {
	if e.Match == nil {
		return nil
	}
	m := matchResult{
		EntityType: e.Match.Object, Errors: []any{}, MatchEngine: "ExactMatchEngine",
		Rule: strings.Replace(e.Match.Rule, "_Duplicate_", "_Match_", 1), Size: len(e.Match.IDs), Success: true,
	}
	for _, id := range e.Match.IDs {
		r := matchRecord{AdditionalInformation: []any{}, FieldDiffs: []any{}, MatchConfidence: 100, Record: matchedLink{ID: id}}
		r.Record.Attributes.Type = e.Match.Object
		m.MatchRecords = append(m.MatchRecords, r)
	}
	return &duplicateResult{
		AllowSave: e.Match.AllowSave, Rule: e.Match.Rule, EntityType: e.Match.Object, ErrorMessage: e.Message, MatchResults: []matchResult{m},
	}
}
