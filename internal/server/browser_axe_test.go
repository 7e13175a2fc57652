package server

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"gatehouse/internal/i18n"
)

// axeFile is where `npm ci` in interop/axe puts the accessibility checker.
var axeFile = filepath.Join("..", "..", "interop", "axe", "node_modules", "axe-core", "axe.min.js")

// axe is the checker's script; "" where it is not installed, and a failure where
// it must be (CI=true).
func axe(t *testing.T) string {
	t.Helper()
	script, err := os.ReadFile(axeFile)
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("CI") != "true" {
		return ""
	}
	if err != nil {
		t.Fatalf("the accessibility checker (npm ci --prefix interop/axe): %v", err)
	}
	return string(script)
}

// serious has the checker look at the page, and tells what would keep people
// from using it: contrast, names of controls, structure (WCAG 2.2, A and AA).
const serious = `axe.run(document, {
	runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"],
}).then(r => r.violations.filter(v => ["serious", "critical"].includes(v.impact)).map(v =>
	v.id + ": " + v.help + "\n" + v.nodes.slice(0, 3).map(n => "  " + n.html.slice(0, 200) + "\n    " + (n.any.concat(n.all, n.none)[0] || {}).message).join("\n")).join("\n"))`

// accessible fails when the page, as it is now, has a serious fault. The pages
// of the stand-ins are not ours to judge, and one language is enough.
func (b *tab) accessible(name string, width int64, scheme string) {
	b.Helper()
	ours, _ := evaluate[bool](b, `!!document.querySelector('link[href^="/assets/"]')`)
	script := axe(b.T)
	if script == "" || !ours || b.lang != i18n.Langs()[0] || b.scriptless {
		return
	}
	b.prefers(scheme)
	ctx, cancel := context.WithTimeout(b.ctx, stepTime)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Evaluate[any](script+"; true"))
	var found string
	if err == nil {
		found, err = chromedp.Run(ctx, chromedp.Evaluate[string](serious, chromedp.EvalAwaitPromise))
	}
	if err != nil || found != "" {
		b.Errorf("%s is not accessible at %d px, %s: %v\n%s", name, width, scheme, err, found)
	}
}
