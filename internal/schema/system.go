package schema

import "strings"

// systemTable is a table that every connection's schema has.
type systemTable struct {
	name, columns string
	indexes       []index
	triggers      []trigger
}

// logColumns are the fifteen of the trigger log and its archive. Their order
// is a promise: applications insert whole rows.
const logColumns = `
	txid bigint,
	created_at timestamp with time zone{default},
	updated_at timestamp with time zone{default},
	processed_at timestamp with time zone,
	processed_tx bigint,
	state character varying(8),
	action character varying(7),
	table_name character varying(128),
	record_id integer,
	sfid character varying(18),
	old text,
	"values" text,
	sf_result integer,
	sf_message text`

func withDefault(d string) string { return strings.ReplaceAll(logColumns, "{default}", d) }

// systemTables are in Heroku's form to the letter.
func systemTables() []systemTable {
	return []systemTable{
		{
			name:    "_hcmeta",
			columns: `id serial PRIMARY KEY, hcver integer, org_id character varying(50), details text`,
		},
		{
			name:    "_trigger_log",
			columns: "id serial PRIMARY KEY," + withDefault(" DEFAULT now()"),
			indexes: []index{
				{name: "_trigger_log_idx_created_at", on: "(created_at)"},
				{name: "_trigger_log_idx_state_id", on: "(state, id)"},
				{name: "_trigger_log_idx_state_table_name", on: "(state, table_name) WHERE state = 'NEW' OR state = 'PENDING'"},
			},
			triggers: []trigger{{
				name: "tlog_insert_trigger", function: "tlog_notify_trigger",
				clause: "AFTER INSERT", tail: "FOR EACH ROW", bits: tgRow | tgInsert,
			}},
		},
		{
			name:    "_trigger_log_archive",
			columns: "id integer PRIMARY KEY," + withDefault(""),
			indexes: []index{
				{name: "_trigger_log_archive_idx_created_at", on: "(created_at)"},
				{name: "_trigger_log_archive_idx_record_id", on: "(record_id)"},
				{name: "_trigger_log_archive_idx_state_table_name", on: "(state, table_name) WHERE state = 'FAILED'"},
			},
		},
		{
			name: "_sf_event_log",
			columns: `id serial PRIMARY KEY,
	table_name character varying(128),
	action character varying(7),
	synced_at timestamp with time zone DEFAULT now(),
	sf_timestamp timestamp with time zone,
	sfid character varying(20),
	record text,
	processed boolean`,
			indexes: []index{
				{name: "idx__sf_event_log_comp_key", on: "(table_name, synced_at)"},
				{name: "idx__sf_event_log_sfid", on: "(sfid)"},
			},
		},
	}
}
