package schema

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
)

// maxName is the longest name in bytes that Postgres keeps.
const maxName = 63

// Shorten gives name as it is up to 63 bytes. Of a longer one it keeps the
// first 54 bytes (less where that would cut a character), an underscore and
// the first eight hexadecimal digits of the whole name's SHA-256: two long
// names that begin alike stay apart, and the same name always gives the same.
func Shorten(name string) string {
	if len(name) <= maxName {
		return name
	}
	return hashed(name)
}

func hashed(name string) string { return hashedWith(name, "") }

// hashedWith tells apart two tables whose indexes would have one name: table a
// with column b_c, table a_b with column c.
func hashedWith(name, table string) string {
	sum := sha256.Sum256([]byte(name + table))
	end := min(len(name), maxName-9)
	for end > 0 && end < len(name) && !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end] + "_" + hex.EncodeToString(sum[:4])
}

// Channel is the channel that the trigger log of a schema notifies with the
// payload "ping". LISTEN needs it quoted.
func Channel(schema string) string { return Shorten(schema + ".hc_trigger_log") }

// WatchLock is the key of the advisory lock that a listener holds while it
// looks at the trigger log so often that nobody needs to notify it.
func WatchLock(schema string) int64 {
	sum := sha256.Sum256([]byte("syncline watch " + schema))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// LogSequence is the sequence that gives entries of the trigger log their ids,
// quoted.
func LogSequence(schema string) string { return ident(schema, "_trigger_log_id_seq") }

// LoggerFunction, StatusFunction, LogTrigger, StatusTrigger and
// TruncateTrigger are the names that belong to a mapped table.
func LoggerFunction(table string) string { return Shorten("hc_" + table + "_logger") }

// StatusFunction is the function behind [StatusTrigger].
func StatusFunction(table string) string { return Shorten("hc_" + table + "_status") }

// LogTrigger writes the trigger log.
func LogTrigger(table string) string { return Shorten("hc_" + table + "_logtrigger") }

// StatusTrigger keeps _hc_lastop and _hc_err.
func StatusTrigger(table string) string { return Shorten("hc_" + table + "_status_trigger") }

// TruncateTrigger refuses or warns of TRUNCATE, which the log can't capture.
func TruncateTrigger(table string) string { return Shorten("syncline_" + table + "_truncate") }

// TruncateFunction is the function behind every [TruncateTrigger].
const TruncateFunction = "syncline_truncate"

// indexName is Heroku's name of an index on one column.
func indexName(unique bool, table, column string) string {
	prefix := "hc_idx_"
	if unique {
		prefix = "hcu_idx_"
	}
	return Shorten(prefix + table + "_" + column)
}

// ident quotes a name, or a qualified one.
func ident(parts ...string) string { return pgx.Identifier(parts).Sanitize() }

// literal quotes a string constant. Our connections have
// standard_conforming_strings on; a function body that holds a backslash in a
// constant must not depend on the caller's, hence the E form.
func literal(s string) string {
	quoted := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return "E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}
