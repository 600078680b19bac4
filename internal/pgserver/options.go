package pgserver

import (
	"io"
	"log/slog"
	"time"
)

// BinDirEnv names the environment variable that holds the directory of the
// PostgreSQL binaries to use. It wins over every other source; when what it
// names is not usable, Start fails instead of trying the next one.
const BinDirEnv = "SYNCLINE_PG_BIN"

const defaultStartTimeout = 60 * time.Second

// Options says how to run a server. The zero value is a durable server in a
// temporary directory.
type Options struct {
	// DataDir is kept from start to start: it holds the data, the password and
	// the log. It is made when absent. Only one process may use it at a time.
	// Empty means a temporary directory that Stop removes.
	DataDir string

	// Port is the TCP port on 127.0.0.1; 0 takes a free one.
	Port int

	// Volatile turns off everything that protects data against a crash of the
	// machine (fsync, full page writes). Commits still survive the death of the
	// server's own process, so crash tests may use it. For tests only.
	Volatile bool

	// Settings are extra server settings, as in postgresql.conf. They win over
	// those that this package sets itself, save for port, addresses and socket.
	Settings map[string]string

	// StartTimeout bounds initdb and the wait for the first connection, each;
	// 0 means one minute.
	StartTimeout time.Duration

	// Logger is told, one line each, which binaries were taken and what was
	// repaired. Nil means silence.
	Logger *slog.Logger
}

func (o Options) logger() *slog.Logger {
	if o.Logger != nil {
		return o.Logger
	}
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}

func (o Options) startTimeout() time.Duration {
	if o.StartTimeout > 0 {
		return o.StartTimeout
	}
	return defaultStartTimeout
}
