//go:build unix

package e2etest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/synclinehq/syncline/internal/parttest"
	"github.com/synclinehq/syncline/sandbox/org"
)

// browser is a Chromium without a memory, and what it complained about.
type browser struct {
	testing.TB
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

func newBrowser(t testing.TB) *browser {
	t.Helper()
	path := parttest.Need(t, parttest.Chromium)
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.NoFirstRun,
	)...)
	t.Cleanup(cancel)
	b := &browser{TB: t}
	b.ctx, cancel = chromedp.NewContext(ctx, chromedp.WithListener(b.hear))
	t.Cleanup(cancel)
	b.do(chromedp.Navigate("about:blank"))
	b.ctx, cancel = context.WithTimeout(b.ctx, 50*time.Second)
	t.Cleanup(cancel)
	return b
}

func (b *browser) hear(ev any) {
	var text string
	switch ev := ev.(type) {
	case *runtime.EventExceptionThrown:
		text = fmt.Sprintf("exception: %+v", ev.ExceptionDetails)
	case *runtime.EventConsoleAPICalled:
		text = fmt.Sprintf("console.%s: %v", ev.Type, ev.Args)
	case *log.EventEntryAdded:
		if ev.Entry.Level == log.EntryLevelError || ev.Entry.Level == log.EntryLevelWarning {
			text = ev.Entry.Text + " " + ev.Entry.URL
		}
	}
	if text == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = append(b.complaints, text)
}

// heard gives the complaints so far and forgets them.
func (b *browser) heard() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.complaints
	b.complaints = nil
	return out
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.Fatal(err)
	}
}

// get runs a step that has a value.
func get[T any](b *browser, step chromedp.Action[T]) T {
	b.Helper()
	out, err := chromedp.Run(b.ctx, step)
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// text is what a person reads on the page.
func (b *browser) text() string {
	b.Helper()
	return get(b, chromedp.Text("body"))
}

func (b *browser) shows(parts ...string) {
	b.Helper()
	text := b.text()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			b.Errorf("the page does not show %q:\n%s", part, text)
		}
	}
}

// comesTo waits until the page shows the parts.
func (b *browser) comesTo(parts ...string) {
	b.Helper()
	err := until(b.ctx, 15*time.Second, func(ctx context.Context) error {
		text, err := chromedp.Run(ctx, chromedp.Text("body"))
		for _, part := range parts {
			if !strings.Contains(text, part) {
				return errors.Join(fmt.Errorf("the page does not show %q:\n%s", part, text), err)
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// picture takes the page at a width, in light or dark.
func (b *browser) picture(name string, width int64, scheme string) {
	b.Helper()
	b.do(chromedp.EmulateViewport(width, 800), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	}))
	if wide := get(b, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`)); wide > width {
		b.Errorf("%s: the page is %d px wide in a window of %d", name, wide, width)
	}
	png := get(b, chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(b.ArtifactDir(), name+".png"), png, 0o600); err != nil {
		b.Fatal(err)
	}
}

// The first page, as somebody sees it who follows the link of the first start.
func TestFirstPage(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	s := newSite(t)
	s.must(s.ctl.Seed(t.Context(), org.SeedPlan{Object: "Opportunity", Rows: 40, Seed: 1, Past: true}))
	s.server.start()
	b.do(chromedp.Navigate(s.server.URL + "/ui/"))
	b.shows("Please sign in", "syncline sign-in")
	b.heard() // Chromium reports the 401 of that page
	b.do(chromedp.Navigate(s.server.SignIn))
	b.shows("There is no connection yet")
	s.connect()
	s.write(`UPDATE salesforce.account SET phone = '030 1234' WHERE id <= 5`)
	b.do(chromedp.Navigate(s.server.URL + "/ui/"))
	b.shows("Shop and Salesforce", "shop-1", "IDLE", "Account", "Project__c", "Opportunity", "DATA_SYNCED", "syncline (admin)")
	b.picture("wide", 1280, "light")
	b.picture("wide-dark", 1280, "dark")
	b.picture("narrow", 360, "light")

	// What changes is shown without loading the page again.
	b.do(chromedp.Evaluate[chromedp.Void](`window.same = true`))
	s.must(s.api().Pause(t.Context(), "", ""))
	_, err := query(t.Context(), s.target, `UPDATE salesforce.account SET phone = '040 5678' WHERE id <= 3`)
	s.must(err)
	b.comesTo("PAUSED", "3 changes")
	if !get(b, chromedp.Evaluate[bool](`window.same === true`)) {
		t.Error("the page was loaded again")
	}
	b.picture("paused", 1280, "light")
	if all := b.heard(); len(all) > 0 {
		t.Errorf("the browser complained:\n%s", strings.Join(all, "\n"))
	}

	// The link works once; who signs out is out.
	b.do(chromedp.Navigate(s.server.SignIn))
	b.shows("This link is used up", "syncline sign-in")
	b.do(chromedp.Navigate(s.server.URL+"/ui/"), chromedp.Click("form button"))
	b.comesTo("Signed out")
	b.do(chromedp.Navigate(s.server.URL + "/ui/"))
	b.shows("Please sign in")
}
