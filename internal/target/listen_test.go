package target_test

import (
	"context"
	"testing"
)

func TestListenHearsAndComesBackAfterACut(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	const channel = `sales"force.hc_trigger_log`
	heard, up, down := make(chan string, 8), make(chan struct{}, 8), make(chan error, 8)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- db.Listen(ctx, channel, func(p string) { heard <- p }, func(isUp bool, cause error) {
			if isUp {
				up <- struct{}{}
				return
			}
			down <- cause
		})
	}()
	for range 2 {
		<-up
		exec(t, db, "SELECT pg_notify($1, 'ping')", channel)
		if got := <-heard; got != "ping" {
			t.Errorf("payload %q", got)
		}
		exec(t, db, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE 'LISTEN%'`)
		if cause := <-down; cause == nil {
			t.Error("lost without a cause")
		}
	}
	<-up
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
