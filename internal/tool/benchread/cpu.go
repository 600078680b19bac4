package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cpu is processor time: of the database, of the org and of the processes that
// load.
type cpu struct{ database, org, loader time.Duration }

func (c cpu) minus(o cpu) cpu {
	return cpu{c.database - o.database, c.org - o.org, c.loader - o.loader}
}

// String gives the three in seconds.
func (c cpu) String() string {
	return fmt.Sprintf("database %.1f, org %.1f, loader %.1f s", c.database.Seconds(), c.org.Seconds(), c.loader.Seconds())
}

// cpu reads what has been used so far; zero where the system does not say.
func (b *bench) cpu() cpu {
	var c cpu
	self := os.Getpid() // database, org and loads are its children
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	parents, used := map[int]int{}, map[int]time.Duration{}
	names := map[int]string{}
	for _, path := range stats {
		pid, parent, name, own, waited, ok := readStat(path)
		if !ok {
			continue
		}
		parents[pid], names[pid] = parent, name
		used[pid] = own
		if name == "postgres" {
			used[pid] += waited
		}
		if pid == self {
			c.loader = waited // children that have ended
		}
	}
	for pid, d := range used {
		switch {
		case pid == b.org.PID():
			c.org += d
		case names[pid] == "postgres" && (parents[pid] == self || parents[parents[pid]] == self):
			c.database += d
		}
	}
	return c
}

// tick is the unit of times in /proc.
const tick = time.Second / 100

func readStat(path string) (pid, parent int, name string, own, waited time.Duration, ok bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, "", 0, 0, false
	}
	open, end := strings.IndexByte(string(text), '('), strings.LastIndexByte(string(text), ')')
	fields := strings.Fields(string(text[end+1:]))
	if open < 0 || len(fields) < 15 {
		return 0, 0, "", 0, 0, false
	}
	pid, _ = strconv.Atoi(strings.TrimSpace(string(text[:open])))
	parent, _ = strconv.Atoi(fields[1])
	at := func(i int) time.Duration {
		n, _ := strconv.Atoi(fields[i])
		return time.Duration(n) * tick
	}
	return pid, parent, string(text[open+1 : end]), at(11) + at(12), at(13) + at(14), true
}
