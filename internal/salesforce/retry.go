package salesforce

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"
)

// do sends r until it passes, or fails in a way that no repetition inside the
// call may cure. It renews the session at most once.
func (c *Client) do(ctx context.Context, r request, use func(*reply) error) error {
	tok, err := c.cfg.Tokens.Token(ctx)
	if err != nil {
		return fmt.Errorf("get session: %w", err)
	}
	renewed := false
	for n := 0; ; {
		err := c.attempt(ctx, tok, r, use)
		e, ok := errors.AsType[*Error](err)
		if !ok {
			return err
		}
		if !renewed && staleSession(e) {
			renewed = true
			next, ok, err := c.renew(ctx, tok, e)
			if err != nil {
				return err
			}
			if ok {
				tok = next
				continue
			}
		}
		if n >= c.cfg.MaxRetries || !repeatable(r, e) || !c.pause(ctx, r, e, n) {
			return err
		}
		n++
	}
}

// staleSession says whether a new session may cure the error: a 401, but for
// the texts that never end, or a redirect (the org has moved; its new address
// comes with a new session).
func staleSession(e *Error) bool {
	switch {
	case e.Status == http.StatusUnauthorized:
		return !sessionIsHopeless(e.Message)
	default:
		return e.Code == CodeMoved
	}
}

// renew gets a newer session. It says false if that would change nothing: the
// org had moved and the new session has the old address.
func (c *Client) renew(ctx context.Context, stale Token, e *Error) (Token, bool, error) {
	next, err := c.cfg.Tokens.Refresh(ctx, stale)
	if err != nil {
		return Token{}, false, fmt.Errorf("renew session: %w", err)
	}
	if e.Code == CodeMoved && next.InstanceURL == stale.InstanceURL {
		return Token{}, false, nil
	}
	return next, true, nil
}

// repeatable says whether r may be sent again after e.
func repeatable(r request, e *Error) bool {
	if e.Code == CodeCanceled || e.Class != RetrySoon || e.RetryAfter > longestWait {
		return false
	}
	if r.write {
		return !e.Sent
	}
	if e.Status < 300 { // no reply, or one that could not be read
		return true
	}
	return classify(e.Status, e.Code, e.Message).again
}

// pause waits before attempt n+1: a random time up to a bound that doubles, and
// not less than the server asked for. It says false if ctx would end first.
func (c *Client) pause(ctx context.Context, r request, e *Error, n int) bool {
	bound := min(retryCap, c.cfg.RetryBase<<min(n, 16))
	wait := max(e.RetryAfter, rand.N(bound+1))
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= wait {
		return false
	}
	c.log.LogAttrs(ctx, slog.LevelInfo, "repeat call", slog.String("kind", r.kind), slog.Int("attempt", n+2),
		slog.Duration("wait", wait), slog.Int("status", e.Status), slog.String("code", e.Code))
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
