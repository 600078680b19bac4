package telemetry

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// The values of the label "direction".
const (
	ToPostgres   = "to_postgres"
	ToSalesforce = "to_salesforce"
)

// The labels. connection is the connection's id, mapping the object's API name.
const (
	labelConnection = "connection"
	labelMapping    = "mapping"
	labelDirection  = "direction"
	labelState      = "state"
	labelKind       = "kind"
	labelOperation  = "operation"
	labelClass      = "class"
)

// Metrics are the server's metrics, in a registry of their own. Every node
// reports what it does itself; what is read from a database (lag, queue, rows of
// a table) is set by the node that does the connection's chores, and forgotten by
// [Metrics.ReleaseConnection] when another does them.
type Metrics struct {
	registry *prometheus.Registry

	// LagSeconds is, to Salesforce, the age of the oldest change not yet sent, 0
	// when there is none; to Postgres, the time since the last poll. Labels:
	// connection, mapping, direction.
	LagSeconds *prometheus.GaugeVec

	// QueueEntries counts the entries of the trigger log that are not settled.
	// Labels: connection, mapping, state (NEW, PENDING).
	QueueEntries *prometheus.GaugeVec

	// LogIDsUsed is the used share of the trigger log's 32-bit ids, 0 to 1.
	// Labels: connection.
	LogIDsUsed *prometheus.GaugeVec

	// TableRows is the number of rows in the mapped table, as last counted.
	// Labels: connection, mapping.
	TableRows *prometheus.GaugeVec

	// WaitingRecords counts what could not be applied. Labels: connection,
	// mapping, state (deferred: a row is held; refused: the database does not
	// take the record; missing: a row whose record was not found).
	WaitingRecords *prometheus.GaugeVec

	// RowsTotal counts rows applied. Labels: connection, mapping, direction,
	// operation (load, insert, update, delete).
	RowsTotal *prometheus.CounterVec

	// APICallsTotal counts requests to Salesforce that the org charges. Labels:
	// connection, kind (query, describe, collections, bulk, auth, ...).
	APICallsTotal *prometheus.CounterVec

	// APILimit and APIUsed are the org's daily allowance and what all its
	// clients have used of it, from the newest reply. Labels: connection.
	APILimit *prometheus.GaugeVec
	APIUsed  *prometheus.GaugeVec

	// ErrorsTotal counts errors by what one does about them. Labels: connection,
	// mapping (empty when it concerns the whole connection), class.
	ErrorsTotal *prometheus.CounterVec

	// ConflictsTotal counts columns changed on both sides. Labels: connection,
	// mapping, operation (the winner: postgres, salesforce).
	ConflictsTotal *prometheus.CounterVec

	// TurnSeconds is how long turns take. Labels: kind (read, write, load, tend).
	TurnSeconds *prometheus.HistogramVec

	// TurnsRunning is the number of turns in hand on this node. Labels: kind.
	TurnsRunning *prometheus.GaugeVec
}

// NewMetrics makes the metrics and registers them with those of the Go runtime
// and the process.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		LagSeconds: gauge("lag_seconds", "Age of the oldest change not yet applied, in seconds.",
			labelConnection, labelMapping, labelDirection),
		QueueEntries: gauge("queue_entries", "Entries of the trigger log that are not settled.",
			labelConnection, labelMapping, labelState),
		LogIDsUsed: gauge("trigger_log_ids_used_ratio", "Used share of the ids that the trigger log can give out.",
			labelConnection),
		TableRows: gauge("table_rows", "Rows of the mapped table, as last counted.",
			labelConnection, labelMapping),
		WaitingRecords: gauge("waiting_records", "Records that could not be applied, and rows whose record was not found.",
			labelConnection, labelMapping, labelState),
		RowsTotal: counter("rows_total", "Rows applied.",
			labelConnection, labelMapping, labelDirection, labelOperation),
		APICallsTotal: counter("api_calls_total", "Requests to Salesforce that the org charges.",
			labelConnection, labelKind),
		APILimit: gauge("api_limit_calls", "The org's allowance of API requests in 24 hours.", labelConnection),
		APIUsed:  gauge("api_used_calls", "API requests that all clients of the org used in 24 hours.", labelConnection),
		ErrorsTotal: counter("errors_total", "Errors, by what one does about them.",
			labelConnection, labelMapping, labelClass),
		ConflictsTotal: counter("conflicts_total", "Columns changed on both sides, by the side that won.",
			labelConnection, labelMapping, labelOperation),
		TurnSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "turn_seconds", Help: "How long turns take, in seconds.",
			Buckets: []float64{.01, .05, .1, .5, 1, 2, 5, 10, 15, 20, 30, 60, 130, 610},
		}, []string{labelKind}),
		TurnsRunning: gauge("turns_running", "Turns in hand on this node.", labelKind),
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo(),
		m.LagSeconds, m.QueueEntries, m.LogIDsUsed, m.TableRows, m.WaitingRecords, m.RowsTotal, m.APICallsTotal, m.APILimit, m.APIUsed,
		m.ErrorsTotal, m.ConflictsTotal, m.TurnSeconds, m.TurnsRunning,
	)
	return m
}

const namespace = "syncline"

func gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

// buildInfo is the constant metric that names the running version.
func buildInfo() prometheus.Collector {
	version, goVersion := "unknown", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version, goVersion = info.Main.Version, info.GoVersion
	}
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "Always 1; the labels name the running version.",
		ConstLabels: prometheus.Labels{"version": version, "go": goVersion},
	})
	g.Set(1)
	return g
}

// Register adds a room's own collector, such as one that reads a pool's
// statistics.
func (m *Metrics) Register(c prometheus.Collector) error { return m.registry.Register(c) }

// ReleaseConnection removes a connection's gauges, for another node sets them
// now. Counters stay: they say what this node has done.
func (m *Metrics) ReleaseConnection(connection string) {
	for _, g := range m.gauges() {
		g.DeletePartialMatch(prometheus.Labels{labelConnection: connection})
	}
}

// ForgetConnection removes all that was reported of a connection that was
// deleted.
func (m *Metrics) ForgetConnection(connection string) {
	m.forget(prometheus.Labels{labelConnection: connection})
}

// ForgetMapping removes what was reported of one mapping.
func (m *Metrics) ForgetMapping(connection, mapping string) {
	m.forget(prometheus.Labels{labelConnection: connection, labelMapping: mapping})
}

func (m *Metrics) forget(labels prometheus.Labels) {
	for _, g := range m.gauges() {
		g.DeletePartialMatch(labels)
	}
	for _, c := range []*prometheus.CounterVec{m.RowsTotal, m.APICallsTotal, m.ErrorsTotal, m.ConflictsTotal} {
		c.DeletePartialMatch(labels)
	}
}

// gauges are those of connections.
func (m *Metrics) gauges() []*prometheus.GaugeVec {
	return []*prometheus.GaugeVec{m.LagSeconds, m.QueueEntries, m.LogIDsUsed, m.TableRows, m.WaitingRecords, m.APILimit, m.APIUsed}
}

// Handler serves the metrics to requests that carry "Authorization: Bearer
// <token>". With an empty token nobody is served.
func (m *Metrics) Handler(token string) http.Handler {
	serve := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token == "" {
			http.Error(w, "metrics are off: the server has no metrics token", http.StatusForbidden)
			return
		}
		if !carries(r, token) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="metrics"`)
			http.Error(w, "metrics need the header Authorization: Bearer <token>", http.StatusUnauthorized)
			return
		}
		serve.ServeHTTP(w, r)
	})
}

// carries compares hashes, so that the time tells nothing of the token, not even
// its length.
func carries(r *http.Request, token string) bool {
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	a, b := sha256.Sum256([]byte(strings.TrimSpace(given))), sha256.Sum256([]byte(token))
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
