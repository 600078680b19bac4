package telemetry

import (
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// masked stands in a log for what may not be there.
const masked = "***"

// secretWords mark an attribute's name as that of a secret.
var secretWords = []string{"token", "secret", "password", "passwd", "authorization", "cookie", "assertion", "private_key", "apikey", "api_key"}

// Values that are secrets wherever they turn up, also inside an error's text.
var secretValues = []struct {
	pattern *regexp.Regexp
	with    string
}{
	// The password of a URL, such as a database's.
	{regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://[^\s:/?#@"']*):[^\s/?#"']*@`), "${1}:" + masked + "@"},
	// The password of a key=value connection string, a form or a query.
	{regexp.MustCompile(`(?i)\b(password|client_secret|refresh_token|access_token|code_verifier|assertion)=('[^']*'|[^\s&"']+)`), "${1}=" + masked},
	{regexp.MustCompile(`(?i)\b(bearer|basic) +[A-Za-z0-9._~+/!=-]{8,}`), "${1} " + masked},
	// A Salesforce session Id: the org's Id, an exclamation mark, the key.
	{regexp.MustCompile(`\b00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?![A-Za-z0-9._]+`), masked},
}

// redact is the ReplaceAttr of all our handlers.
func redact(groups []string, a slog.Attr) slog.Attr {
	if namesSecret(a.Key) || slices.ContainsFunc(groups, namesSecret) {
		switch a.Value.Kind() {
		case slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindBool, slog.KindDuration, slog.KindTime:
			return a // a count of tokens, the time of a refresh
		}
		return slog.String(a.Key, masked)
	}
	switch a.Value.Kind() {
	case slog.KindString:
		if clean := Redact(a.Value.String()); clean != a.Value.String() {
			a.Value = slog.StringValue(clean)
		}
	case slog.KindAny:
		a.Value = redactAny(a.Value)
	}
	return a
}

func redactAny(v slog.Value) slog.Value {
	switch x := v.Any().(type) {
	case error:
		if clean := Redact(x.Error()); clean != x.Error() {
			return slog.StringValue(clean)
		}
	case *url.URL:
		if x != nil {
			return slog.StringValue(Redact(x.Redacted()))
		}
	case http.Header:
		return slog.AnyValue(redactHeader(x))
	}
	return v
}

func redactHeader(h http.Header) http.Header {
	clean := h.Clone()
	for name, values := range clean {
		for i, value := range values {
			if values[i] = Redact(value); namesSecret(name) {
				values[i] = masked
			}
		}
	}
	return clean
}

func namesSecret(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	return slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(name, word) })
}

// Redact masks in a text whatever looks like a credential: passwords in URLs and
// connection strings, tokens of Authorization headers, Salesforce session Ids.
// The logger does it by itself; it is exported for texts that go elsewhere (the
// error a user sees, a stored event).
func Redact(text string) string {
	for _, s := range secretValues {
		text = s.pattern.ReplaceAllString(text, s.with)
	}
	return text
}
