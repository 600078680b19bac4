package telemetry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/telemetry"
)

func TestFormats(t *testing.T) {
	t.Parallel()
	for format, want := range map[telemetry.Format]string{
		telemetry.FormatAuto: `level=INFO msg="load done" rows=7`,
		telemetry.FormatText: `level=INFO msg="load done" rows=7`,
		telemetry.FormatJSON: `"level":"INFO","msg":"load done","rows":7`,
	} {
		var out bytes.Buffer
		log := telemetry.NewLogger(&out, telemetry.LogOptions{Format: format})
		log.Debug("not shown")
		log.Info("load done", "rows", 7)
		if !strings.Contains(out.String(), want) || strings.Contains(out.String(), "not shown") {
			t.Errorf("%s: %s", format, out.String())
		}
	}
	if _, err := telemetry.ParseFormat("xml"); err == nil || !strings.Contains(err.Error(), "auto, text or json") {
		t.Errorf("ParseFormat: %v", err)
	}
	if f, err := telemetry.ParseFormat("JSON"); err != nil || f != telemetry.FormatJSON {
		t.Errorf("ParseFormat: %v, %v", f, err)
	}
}

func TestLevelMayChangeWhileRunning(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	var level slog.LevelVar
	log := telemetry.NewLogger(&out, telemetry.LogOptions{Level: &level})
	log.Debug("early")
	level.Set(slog.LevelDebug)
	log.Debug("late")
	if got := out.String(); strings.Contains(got, "early") || !strings.Contains(got, "late") {
		t.Error(got)
	}
}

func TestSecretsAreNotLogged(t *testing.T) {
	t.Parallel()
	dsn := "postgres://app:hunter2@db.example.com/app"
	link, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	attrs := []slog.Attr{
		slog.String("password", "hunter2"),
		slog.String("refresh_token", "hunter2"),
		slog.String("Client-Secret", "hunter2"),
		slog.Any("authorization", []string{"hunter2"}),
		slog.Group("api_token", "value", "hunter2"),
		slog.String("database", dsn),
		slog.String("database", "host=db user=app password=hunter2 dbname=app"),
		slog.String("database", "host=db password='hunter2 x' dbname=app"),
		slog.Any("err", fmt.Errorf("connect: %w", errors.New("dial "+dsn))),
		slog.Any("url", link),
		slog.String("header", "Bearer hunter2hunter2"),
		slog.String("body", "grant_type=refresh_token&refresh_token=hunter2&client_id=x"),
		slog.String("reply", "sid 00D000000000001AAA!hunter2.x_y is invalid"),
		slog.Any("headers", http.Header{"Authorization": {"OAuth hunter2"}, "X-Note": {"Basic hunter2hunter2"}}),
	}
	for _, format := range []telemetry.Format{telemetry.FormatText, telemetry.FormatJSON} {
		for _, attr := range attrs {
			var out bytes.Buffer
			log := telemetry.NewLogger(&out, telemetry.LogOptions{Format: format})
			log.LogAttrs(t.Context(), slog.LevelInfo, "said "+dsn, attr)
			log.With(attr).WithGroup("group").Info("x", attr)
			if strings.Contains(out.String(), "hunter2") {
				t.Errorf("%s: %s", format, out.String())
			}
		}
	}
}

func TestOrdinaryValuesStayAsTheyAre(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, telemetry.LogOptions{Format: telemetry.FormatJSON})
	log.Info("x", "tokens", 3, "token_age", time.Minute, "url", "https://example.com:8443/a@b",
		"err", errors.New("bad password for user app"), "sfid", "001000000000001AAA", "note", "basic idea")
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"tokens": 3.0, "token_age": float64(time.Minute), "url": "https://example.com:8443/a@b",
		"err": "bad password for user app", "sfid": "001000000000001AAA", "note": "basic idea",
	} {
		if got[key] != want {
			t.Errorf("%s: %v, want %v", key, got[key], want)
		}
	}
}

func scrape(t *testing.T, h http.Handler, authorization string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestHandlerWantsTheToken(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics()
	for _, tt := range []struct {
		token, authorization string
		want                 int
	}{
		{"t0ken", "Bearer t0ken", http.StatusOK},
		{"t0ken", "bearer t0ken", http.StatusOK},
		{"t0ken", "", http.StatusUnauthorized},
		{"t0ken", "Bearer t0ke", http.StatusUnauthorized},
		{"t0ken", "Basic t0ken", http.StatusUnauthorized},
		{"", "Bearer ", http.StatusForbidden},
		{"", "", http.StatusForbidden},
	} {
		code, body := scrape(t, m.Handler(tt.token), tt.authorization)
		if code != tt.want || (code == http.StatusOK) != strings.Contains(body, "syncline_build_info") {
			t.Errorf("token %q, header %q: %d, want %d", tt.token, tt.authorization, code, tt.want)
		}
	}
}

func TestMetricsAreReportedAndForgotten(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics()
	for _, connection := range []string{"c1", "c2"} {
		for _, mapping := range []string{"Account", "Contact"} {
			m.LagSeconds.WithLabelValues(connection, mapping, telemetry.ToSalesforce).Set(1.5)
			m.QueueEntries.WithLabelValues(connection, mapping, "NEW").Set(4)
			m.TableRows.WithLabelValues(connection, mapping).Set(100)
			m.RowsTotal.WithLabelValues(connection, mapping, telemetry.ToPostgres, "load").Add(100)
			m.ErrorsTotal.WithLabelValues(connection, mapping, "retry_soon").Inc()
			m.ConflictsTotal.WithLabelValues(connection, mapping, "postgres").Inc()
		}
		m.APICallsTotal.WithLabelValues(connection, "query").Inc()
		m.APILimit.WithLabelValues(connection).Set(100000)
		m.APIUsed.WithLabelValues(connection).Set(12)
	}
	m.TurnSeconds.WithLabelValues("read").Observe(0.2)
	m.TurnsRunning.WithLabelValues("read").Set(1)

	m.ForgetConnection("c2")
	m.ForgetMapping("c1", "Contact")
	_, body := scrape(t, m.Handler("t"), "Bearer t")
	for _, want := range []string{
		`syncline_lag_seconds{connection="c1",direction="to_salesforce",mapping="Account"} 1.5`,
		`syncline_queue_entries{connection="c1",mapping="Account",state="NEW"} 4`,
		`syncline_rows_total{connection="c1",direction="to_postgres",mapping="Account",operation="load"} 100`,
		`syncline_api_calls_total{connection="c1",kind="query"} 1`,
		`syncline_turn_seconds_count{kind="read"} 1`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("missing: %s", want)
		}
	}
	for _, gone := range []string{`connection="c2"`, `mapping="Contact"`} {
		if strings.Contains(body, gone) {
			t.Errorf("still there: %s", gone)
		}
	}
}
