package salesforce

import (
	"net/http"
	"strings"
)

// verdict is what the catalogue knows of a code.
type verdict struct {
	class Class
	// again: the very same read may be repeated at once. Off where only other
	// work helps (a new query, a smaller one).
	again bool
	// refused: the code proves that the org did not begin the work.
	refused bool
}

// callCodes: errorCode of a whole call.
var callCodes = map[string]verdict{
	"INVALID_SESSION_ID":          {class: Reauthorize, refused: true},
	"INVALID_AUTH_HEADER":         {class: Reauthorize, refused: true},
	"INVALID_LOGIN":               {class: Reauthorize, refused: true},
	"INACTIVE_OWNER_OR_USER":      {class: AskPerson},
	"API_DISABLED_FOR_ORG":        {class: AskPerson, refused: true},
	"API_CURRENTLY_DISABLED":      {class: RetryLater, refused: true},
	"UNSUPPORTED_API_VERSION":     {class: AskPerson, refused: true},
	"INSUFFICIENT_ACCESS":         {class: AskPerson, refused: true},
	"TXN_SECURITY_METERING_ERROR": {class: AskPerson, refused: true},
	"MALFORMED_QUERY":             {class: AskPerson, refused: true},
	"MALFORMED_ID":                {class: AskPerson, refused: true},
	"JSON_PARSER_ERROR":           {class: AskPerson, refused: true},
	"METHOD_NOT_ALLOWED":          {class: AskPerson, refused: true},
	"INVALID_REPLICATION_DATE":    {class: AskPerson, refused: true},
	"STORAGE_LIMIT_EXCEEDED":      {class: AskPerson},
	"NOT_FOUND":                   {class: AskPerson, refused: true},

	"INVALID_FIELD": {class: Redescribe, refused: true},
	"INVALID_TYPE":  {class: Redescribe, refused: true},

	"SERVER_UNAVAILABLE":                    {class: RetryLater, refused: true},
	"ORG_LOCKED":                            {class: RetryLater, refused: true},
	"FUNCTIONALITY_TEMPORARILY_UNAVAILABLE": {class: RetryLater, refused: true},
	"LIMIT_EXCEEDED":                        {class: RetryLater, refused: true},

	"UNABLE_TO_LOCK_ROW":    {class: RetrySoon, again: true},
	"UNKNOWN_EXCEPTION":     {class: RetrySoon, again: true},
	"QUERY_TIMEOUT":         {class: RetrySoon},
	"INVALID_QUERY_LOCATOR": {class: RetrySoon, refused: true},
	"OPERATION_TOO_LARGE":   {class: RetrySoon, refused: true},
	"QUERY_TOO_COMPLICATED": {class: RetrySoon, refused: true},
	"EXCEEDED_ID_LIMIT":     {class: RetrySoon, refused: true},
}

// statuses: replies without a code that the catalogue knows. What is missing
// asks a person if it is a 4xx and is retried soon if it is a 5xx.
var statuses = map[int]verdict{
	http.StatusUnauthorized:                {class: Reauthorize},
	http.StatusNotAcceptable:               {class: RetrySoon, again: true},
	http.StatusRequestTimeout:              {class: RetrySoon, again: true},
	http.StatusGone:                        {class: AskPerson},
	420:                                    {class: RetrySoon, again: true}, // the edge has no server for the org yet
	http.StatusTooManyRequests:             {class: RetrySoon, again: true},
	http.StatusRequestURITooLong:           {class: RetrySoon},
	http.StatusRequestEntityTooLarge:       {class: RetrySoon},
	http.StatusRequestHeaderFieldsTooLarge: {class: RetrySoon},
}

// classify looks a failed reply up: by code, then by status.
func classify(status int, code, message string) verdict {
	if code == "REQUEST_LIMIT_EXCEEDED" {
		return limitVerdict(message)
	}
	if v, ok := callCodes[code]; ok {
		return v
	}
	if v, ok := statuses[status]; ok {
		return v
	}
	switch {
	case status >= 500:
		return verdict{class: RetrySoon, again: true}
	case status >= 300 && status < 400:
		return verdict{class: Reauthorize}
	default:
		return verdict{class: AskPerson}
	}
}

// limitVerdict tells the daily limit (hours) from the one on calls at the same
// time (seconds); both have one code.
func limitVerdict(message string) verdict {
	if strings.Contains(strings.ToLower(message), "concurrent") {
		return verdict{class: RetrySoon, again: true, refused: true}
	}
	return verdict{class: RetryLater, refused: true}
}

func provesRefusal(code string) bool {
	return code == "REQUEST_LIMIT_EXCEEDED" || callCodes[code].refused
}

// unrefreshable are the texts of a 401 that a new session does not cure; to
// refresh on them would go round for ever.
var unrefreshable = []string{
	"this session is not valid for use with the rest api",
	"connected app is not attached to agent",
}

func sessionIsHopeless(message string) bool {
	m := strings.ToLower(message)
	for _, text := range unrefreshable {
		if strings.Contains(m, text) {
			return true
		}
	}
	return false
}

// rowCodes: statusCode of one record in a Collections reply. A code that is
// missing here asks a person: the row is refused as it is.
var rowCodes = map[string]Class{
	"UNABLE_TO_LOCK_ROW":                RetrySoon,
	"UNKNOWN_EXCEPTION":                 RetrySoon,
	"ALL_OR_NONE_OPERATION_ROLLED_BACK": RetrySoon,
	"PROCESSING_HALTED":                 RetrySoon,
	"QUERY_TIMEOUT":                     RetrySoon,

	"REQUEST_LIMIT_EXCEEDED":                RetryLater,
	"LIMIT_EXCEEDED":                        RetryLater,
	"SERVER_UNAVAILABLE":                    RetryLater,
	"ORG_LOCKED":                            RetryLater,
	"API_CURRENTLY_DISABLED":                RetryLater,
	"FUNCTIONALITY_TEMPORARILY_UNAVAILABLE": RetryLater,

	"INVALID_FIELD":                   Redescribe,
	"INVALID_FIELD_FOR_INSERT_UPDATE": Redescribe,
	"INVALID_TYPE":                    Redescribe,

	"INVALID_SESSION_ID": Reauthorize,
}

// passingTexts stand inside the text of a trigger's exception when the cause
// was load, not the row.
var passingTexts = []string{
	"unable_to_lock_row",
	"unable to obtain exclusive access",
	"apex cpu time limit exceeded",
	"concurrent requests limit exceeded",
	"concurrentperorgapex limit exceeded",
	"your request was running for too long",
}

// RowClass is what one does about the error of one record. The code is
// Salesforce's statusCode. Trigger exceptions carry the real cause in the text,
// so the text is read too.
func RowClass(code, message string) Class {
	if c, ok := rowCodes[code]; ok {
		return c
	}
	m := strings.ToLower(message)
	for _, text := range passingTexts {
		if strings.Contains(m, text) {
			return RetrySoon
		}
	}
	return AskPerson
}
