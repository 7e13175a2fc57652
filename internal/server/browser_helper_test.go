package server

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"gatehouse/internal/i18n"
)

const (
	browserTime = 8 * time.Minute  // bounds the browser as a whole
	stepTime    = 60 * time.Second // bounds one step of a journey, on a busy machine
	wide        = 1280
	narrow      = 390
)

// chromium finds the browser, or skips the test with the reason. Where a
// browser must be (CI=true), a missing one is a failure.
func chromium(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("GATEHOUSE_TEST_CHROMIUM"); path != "" {
		if _, err := exec.LookPath(path); err != nil {
			t.Fatalf("GATEHOUSE_TEST_CHROMIUM: %v", err)
		}
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const reason = "no Chromium: install it (Debian: apt-get install chromium fonts-noto-cjk) or name it in GATEHOUSE_TEST_CHROMIUM"
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip(reason)
	return ""
}

// startChromium starts a browser without a window that reaches nothing but
// loopback. It ends with the test.
func startChromium(t *testing.T) context.Context {
	t.Helper()
	path, dir := chromium(t), t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), browserTime)
	t.Cleanup(cancel)
	options := slices.Concat(chromedp.DefaultExecAllocatorOptions[:], []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(dir),
		chromedp.Env("TMPDIR=" + dir), // what it leaves behind goes with the test
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
	})
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {}))
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return ctx
}

// tab is a person's browser window with cookies of its own.
type tab struct {
	*testing.T
	ctx    context.Context
	lang   i18n.Lang
	width  int64 // of the window
	loaded chan struct{}

	scriptless bool // pages cannot run scripts, the checker's neither

	mu       sync.Mutex
	trouble  []string // what the browser complained of
	expected []string // complaints that belong to the journey
	looked   map[string]bool
}

// newTab opens a window in a browser context of its own. When the test ends,
// it fails if the browser complained of anything.
func newTab(t *testing.T, browser context.Context, lang i18n.Lang) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	b := &tab{T: t, ctx: ctx, lang: lang, width: wide, loaded: make(chan struct{}, 1), looked: map[string]bool{}}
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	b.do("prepare the tab", command(audits.Enable, cdp.Empty{}),
		command(network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": string(lang)}}),
		chromedp.EmulateViewport(b.width, 900))
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, s := range b.trouble {
			t.Errorf("the browser complained: %s", s)
		}
	})
	return b
}

// command is a step that only sends something to the browser.
func command[P any](c cdp.Command[P, cdp.Empty], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

// listen gathers complaints: violations of a Content-Security-Policy, refused
// cookies and forms, errors and warnings of the console, exceptions.
func (b *tab) listen(event any) {
	switch e := event.(type) {
	case *page.EventLoadEventFired:
		select {
		case b.loaded <- struct{}{}:
		default:
		}
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError || e.Entry.Level == cdplog.EntryLevelWarning {
			b.complain(fmt.Sprintf("%s %s: %s (%s)", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	case *runtime.EventExceptionThrown:
		b.complain("exception: " + e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		b.complain("console: " + string(e.Type))
	case *audits.EventIssueAdded:
		details, err := json.Marshal(e.Issue)
		b.complain(fmt.Sprintf("issue: %s %v", details, err))
	}
}

func (b *tab) complain(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.expected {
		if strings.Contains(text, s) {
			return
		}
	}
	b.trouble = append(b.trouble, fmt.Sprintf("%.600s", text))
}

// expect says that a complaint with this text belongs to the journey.
func (b *tab) expect(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, text)
}

// say is a text of ours in the language of the tab.
func (b *tab) say(english string, args ...any) string { return i18n.T(b.lang, english, args...) }

// do runs steps, within the time for one.
func (b *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTime)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.Fatalf("%s at %s: %v\n%s", what, b.at(), err, excerptOf(b.text()))
	}
}

// open goes to an address and returns the status that it answers.
func (b *tab) open(address string) int64 {
	b.Helper()
	return b.navigate("open "+address, chromedp.Navigate(address))
}

// click clicks the first element of a CSS selector with the mouse, and waits
// for the page that this leads to.
func (b *tab) click(selector string) int64 {
	b.Helper()
	return b.navigate("click "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// follow clicks the link with this text.
func (b *tab) follow(label string) int64 {
	b.Helper()
	xpath := fmt.Sprintf(`//a[normalize-space(.)=%q]`, label)
	return b.navigate("follow "+label, chromedp.Click(chromedp.Search(xpath), chromedp.NodeVisible))
}

func (b *tab) navigate(what string, step chromedp.Action[chromedp.Void]) int64 {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTime)
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, step)
	if err != nil {
		b.Fatalf("%s at %s: %v\n%s", what, b.at(), err, excerptOf(b.text()))
	}
	if answer == nil {
		return 0
	}
	return int64(answer.Status)
}

// evaluate reads something from the page. Reading works without scripts too.
func evaluate[T any](b *tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(b.ctx, stepTime)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression))
}

func (b *tab) at() string {
	s, err := evaluate[string](b, "location.href")
	return cmp.Or(s, fmt.Sprint(err))
}

// text is what a person reads on the page.
func (b *tab) text() string {
	s, err := evaluate[string](b, "document.body.innerText")
	return cmp.Or(s, fmt.Sprint(err))
}

// sees waits until a page shows all the texts; a script or a refresh may lead
// to it.
func (b *tab) sees(texts ...string) {
	b.Helper()
	deadline, again := time.NewTimer(stepTime), time.NewTicker(200*time.Millisecond) // scripts change pages without loading them
	defer deadline.Stop()
	defer again.Stop()
	for {
		seen := b.text()
		missing := slices.DeleteFunc(slices.Clone(texts), func(s string) bool { return strings.Contains(seen, s) })
		if len(missing) == 0 {
			return
		}
		select {
		case <-b.loaded:
		case <-again.C:
		case <-deadline.C:
			b.Fatalf("%s does not show %q:\n%s", b.at(), missing, excerptOf(seen))
		}
	}
}

// overflow tells what makes a page wider than its window, "" when nothing does.
const overflow = `(() => {
	const page = document.documentElement, width = page.clientWidth
	if (page.scrollWidth <= width) return ""
	const scrolls = e => e && (["auto", "scroll", "hidden"].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement))
	const cause = [...document.body.querySelectorAll("*")].find(e => e.getBoundingClientRect().right > width + 1 && !scrolls(e.parentElement))
	return page.scrollWidth + " of " + width + " px: " + (cause ? cause.outerHTML.slice(0, 300) : "no single element")
})()`

// cramped tells what does not fit: a table that must be scrolled sideways, and
// text in a column of single letters.
const cramped = `(() => {
	const bad = []
	for (const e of document.body.querySelectorAll("*")) {
		const style = getComputedStyle(e)
		if (["auto", "scroll"].includes(style.overflowX) && e.scrollWidth > e.clientWidth + 1 && !e.closest("nav")) {
			bad.push(e.scrollWidth + " px in " + e.clientWidth + ": " + e.outerHTML.slice(0, 200))
		}
		const box = e.getBoundingClientRect(), size = parseFloat(style.fontSize)
		if (!e.firstElementChild && e.textContent.trim().length > 3 && box.width > 1 && box.width < 2 * size && box.height > 4 * size) {
			bad.push("a column of letters: " + e.outerHTML.slice(0, 200))
		}
	}
	return bad.slice(0, 5).join("\n")
})()`

// nameless lists what a person who hears the page could not tell apart.
const nameless = `[...document.querySelectorAll("button, a[href], input:not([type=hidden], [hidden]), select")].filter(e =>
	!(e.innerText || "").trim() && !e.getAttribute("aria-label") && !(e.labels && e.labels.length)).map(e => e.outerHTML.slice(0, 200)).join("\n")`

// look checks the page as it is in wide and narrow windows, and keeps pictures
// of it, light and dark, where GATEHOUSE_TEST_ARTIFACTS says.
func (b *tab) look(name string) {
	b.Helper()
	if b.looked[name] {
		return
	}
	b.looked[name] = true
	if s, err := evaluate[string](b, nameless); err != nil || s != "" {
		b.Errorf("%s has controls without a name: %v\n%s", name, err, s)
	}
	if n, err := evaluate[int](b, `document.querySelectorAll("h1").length`); err != nil || n != 1 {
		b.Errorf("%s has %d first headings (%v)", name, n, err)
	}
	for _, width := range []int64{wide, narrow} {
		b.do("resize", chromedp.EmulateViewport(width, 844))
		if s, err := evaluate[string](b, overflow); err != nil || s != "" {
			b.Errorf("%s scrolls sideways at %d px: %s %v", name, width, s, err)
		}
		if s, err := evaluate[string](b, cramped); err != nil || s != "" {
			b.Errorf("%s does not fit at %d px: %s %v", name, width, s, err)
		}
		for _, scheme := range []string{"light", "dark"} {
			b.accessible(name, width, scheme)
			b.picture(fmt.Sprintf("%s-%d-%s", name, width, scheme), scheme)
		}
	}
	b.do("resize", chromedp.EmulateViewport(b.width, 900))
}

// prefers makes the system of the tab light or dark. Nothing moves, so that a
// picture does not catch a colour on its way to another.
func (b *tab) prefers(scheme string) {
	b.Helper()
	b.do("prefer "+scheme, command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	}))
}

// picture keeps the page as an image, if somebody wants to see it.
func (b *tab) picture(name, scheme string) {
	b.Helper()
	folder := os.Getenv("GATEHOUSE_TEST_ARTIFACTS")
	if folder == "" {
		return
	}
	b.prefers(scheme)
	ctx, cancel := context.WithTimeout(b.ctx, stepTime)
	defer cancel()
	image, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.Fatalf("picture %s: %v", name, err)
	}
	folder = filepath.Join(folder, string(b.lang))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), image, 0o644); err != nil {
		b.Fatal(err)
	}
}
