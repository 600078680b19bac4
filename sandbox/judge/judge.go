package judge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Input is what a judgement needs.
type Input struct {
	// Database is a connection string, Schema the schema with the tables.
	Database, Schema string
	// Config is the configuration file that maps objects to tables.
	Config io.Reader
	// Dump opens the state of one object: JSON lines of
	// {"object","id","deleted","fields":{name: value as in REST}}.
	Dump func(ctx context.Context, object string) (io.ReadCloser, error)
	// Parents are objects that are not mapped but that relationship columns
	// point to.
	Parents []string
	// Writes is the log of accepted writes, JSON lines of {"seq","object","id",
	// "op","fields"}; nil: not checked.
	Writes io.Reader
}

// configFile is what matters here of a configuration file.
type configFile struct {
	Mappings []struct {
		Object string `json:"object_name"`
		Config struct {
			Fields  map[string]json.RawMessage `json:"fields"`
			Indexes map[string]struct {
				Unique bool `json:"unique"`
			} `json:"indexes"`
			UpsertField string `json:"upsert_field"`
		} `json:"config"`
	} `json:"mappings"`
}

// mapping is one mapping of the configuration.
type mapping struct {
	object, table string
	// fields are the mapped names but Id, sorted.
	fields []string
	// unique are external id fields.
	unique []string
}

// Judge compares the org with the tables. Its error tells that it could not
// read one of the sides; what it found is in the report.
func Judge(ctx context.Context, in Input) (_ *Report, err error) {
	mappings, err := readConfig(in.Config)
	if err != nil {
		return nil, err
	}
	pg, err := openPostgres(ctx, in.Database, in.Schema)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, pg.close()) }()
	logs, err := pg.readLogs(ctx)
	if err != nil {
		return nil, err
	}
	o := &org{open: in.Dump, known: map[string]map[string]string{}}
	if err := o.learn(ctx, mappings, in.Parents); err != nil {
		return nil, err
	}
	report := &Report{}
	for _, m := range mappings {
		c := &comparison{mapping: m, out: &Mapping{Object: m.object, Table: m.table}, log: logs[m.table]}
		if err := c.run(ctx, o, pg); err != nil {
			return nil, fmt.Errorf("judge %s: %w", m.object, err)
		}
		report.add(c.out)
	}
	if in.Writes != nil {
		err = report.readWrites(in.Writes, mappings)
		report.Duplicates += report.CreatedTwice.Count
	}
	return report, err
}

func readConfig(r io.Reader) ([]mapping, error) {
	var f configFile
	if err := json.NewDecoder(r).Decode(&f); err != nil {
		return nil, fmt.Errorf("read configuration file: %w", err)
	}
	if len(f.Mappings) == 0 {
		return nil, errors.New("the configuration file has no mappings")
	}
	var list []mapping
	for _, fm := range f.Mappings {
		m := mapping{object: fm.Object, table: strings.ToLower(fm.Object)}
		for name := range fm.Config.Fields {
			if !strings.EqualFold(name, "Id") {
				m.fields = append(m.fields, name)
			}
		}
		slices.Sort(m.fields)
		for name, index := range fm.Config.Indexes {
			if index.Unique && !strings.EqualFold(name, "Id") && name != fm.Config.UpsertField {
				m.unique = append(m.unique, name)
			}
		}
		slices.Sort(m.unique)
		if fm.Config.UpsertField != "" {
			m.unique = append([]string{fm.Config.UpsertField}, m.unique...)
		}
		list = append(list, m)
	}
	return list, nil
}
