package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestExec(t *testing.T) {
	tests := []struct {
		name string
		args []string
		code int
	}{
		{"exit code is handed on", []string{"exec", "--", "sh", "-c", "exit 7"}, 7},
		{"the command sees the server", []string{"exec", "sh", "-c", `case $SYNCLINE_TEST_DATABASE_URL in postgres://*) exit 0;; esac; exit 1`}, 0},
		{"killed command", []string{"exec", "--", "sh", "-c", "kill -9 $$"}, 137},
		{"no such command", []string{"exec", "--", "/no/such/command"}, exitNoCommand},
		{"no command", []string{"exec", "--"}, exitUsage},
		{"no verb", nil, exitUsage},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stderr bytes.Buffer
			if code := run(tt.args, &stderr); code != tt.code {
				t.Errorf("exit code %d, want %d\n%s", code, tt.code, stderr.String())
			}
			if url := os.Getenv("SYNCLINE_TEST_DATABASE_URL"); url == "" && strings.Contains(stderr.String(), "postgres://") {
				t.Error("the URL with its password was printed")
			}
		})
	}
}
