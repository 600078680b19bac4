package telemetry

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestTerminalGetsColourAndNoSecrets(t *testing.T) {
	var out bytes.Buffer
	t.Setenv("NO_COLOR", "")
	slog.New(newHandler(&out, LogOptions{}, true)).
		With("api_token", "hunter2").
		Info("at postgres://app:hunter2@db/app", "password", "hunter2", slog.Group("oauth", "client_secret", "hunter2"))
	if got := out.String(); !strings.Contains(got, "\x1b[") || strings.Contains(got, "hunter2") {
		t.Errorf("%q", got)
	}
	out.Reset()
	slog.New(newHandler(&out, LogOptions{Format: FormatText}, true)).Info("plain")
	if strings.Contains(out.String(), "\x1b[") {
		t.Error("colour although text was asked for")
	}
}
