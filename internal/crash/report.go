package crash

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// Report is one line of the report file: what was about to happen, where.
type Report struct {
	Point   Name     `json:"point"`
	Hit     int64    `json:"hit"`    // which hit of the point, from 1
	Action  string   `json:"action"` // kill, stop or sleep
	PID     int      `json:"pid"`
	Details []string `json:"details,omitempty"` // as given to Point
}

// write adds the line to the report file and syncs it. A failure is told on
// standard error and does not keep the action from happening.
func (p *plan) write(r Report) {
	if p.report == "" {
		return
	}
	r.PID = os.Getpid()
	if err := appendLine(p.report, r); err != nil {
		fmt.Fprintln(os.Stderr, "crash report:", err)
	}
}

func appendLine(path string, r Report) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

// ReadReport returns the lines of a report file, oldest first; none when there
// is no file, which means that no point was hit.
func ReadReport(path string) ([]Report, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open crash report: %w", err)
	}
	defer f.Close()
	var reports []Report
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var r Report
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("read crash report: line %d: %w", len(reports)+1, err)
		}
		reports = append(reports, r)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read crash report: %w", err)
	}
	return reports, nil
}
