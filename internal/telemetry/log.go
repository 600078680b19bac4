package telemetry

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/lmittmann/tint"
	"golang.org/x/term"
)

// Format says how log lines are written.
type Format string

// The formats.
const (
	// FormatAuto is FormatText with colour on a terminal, FormatText elsewhere.
	FormatAuto Format = "auto"
	// FormatText is key=value, for people and grep.
	FormatText Format = "text"
	// FormatJSON is one JSON object a line, for machines.
	FormatJSON Format = "json"
)

// ParseFormat reads a format's name.
func ParseFormat(name string) (Format, error) {
	switch f := Format(strings.ToLower(name)); f {
	case FormatAuto, FormatText, FormatJSON:
		return f, nil
	}
	return "", fmt.Errorf("no log format %q: want auto, text or json", name)
}

// LogOptions says how to log. The zero value logs as FormatAuto from level info.
type LogOptions struct {
	Format Format
	// Level is the least level that is written; a *slog.LevelVar may change it
	// while the server runs. Nil means info.
	Level slog.Leveler
}

// NewLogger returns a logger that writes to w and masks secrets.
func NewLogger(w io.Writer, o LogOptions) *slog.Logger {
	return slog.New(newHandler(w, o, isTerminal(w)))
}

func newHandler(w io.Writer, o LogOptions, terminal bool) slog.Handler {
	level := o.Level
	if level == nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: redact}
	switch {
	case o.Format == FormatJSON:
		return slog.NewJSONHandler(w, options)
	case o.Format != FormatText && terminal:
		return tint.NewTextHandler(w, &tint.Options{
			Level: level, ReplaceAttr: redact, TimeFormat: time.TimeOnly, NoColor: os.Getenv("NO_COLOR") != "",
		})
	default:
		return slog.NewTextHandler(w, options)
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
