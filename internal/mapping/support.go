package mapping

import (
	"strings"

	"github.com/synclinehq/syncline/internal/sobject"
)

// unsupported lists the objects that cannot be kept equal with a table, by
// name or by the end of the name.
var unsupported = []struct {
	name, suffix, why string
}{
	{name: "KnowledgeArticleVersion", why: "knowledge article versions can only be queried with a filter on PublishStatus"},
	{suffix: "__kav", why: "knowledge article versions can only be queried with a filter on PublishStatus"},
	{name: "LeadHistory", why: "LeadHistory cannot be read page by page"},
	{suffix: "__b", why: "big objects have no SystemModstamp and no free filters"},
	{suffix: "__e", why: "platform events are not stored as records"},
	{suffix: "__x", why: "external objects live outside Salesforce and have no stamps"},
	{suffix: "__mdt", why: "custom metadata are configuration, not records"},
	{suffix: "ChangeEvent", why: "change events are not stored as records"},
}

// Supported says whether an object can be mapped, as far as its name and the
// flags of its summary tell; "" if so, else why not. It takes no describe, so
// that a list of objects can be marked at the cost of one call.
func Supported(o sobject.Summary) (why string) {
	if why := unsupportedName(o.Name); why != "" {
		return why
	}
	if !o.Queryable {
		return "the object cannot be queried"
	}
	return ""
}

func unsupportedName(name string) string {
	lower := strings.ToLower(name)
	for _, u := range unsupported {
		if u.name != "" && lower == strings.ToLower(u.name) {
			return u.why
		}
		if u.suffix != "" && strings.HasSuffix(lower, strings.ToLower(u.suffix)) {
			return u.why
		}
	}
	return ""
}

// SupportedField says whether a field can be a column; "" if so, else why not.
func SupportedField(f *sobject.Field) (why string) {
	_, why = typeOf(f)
	return why
}
