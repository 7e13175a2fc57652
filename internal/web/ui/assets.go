package ui

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
	"time"
)

//go:embed assets/*.css assets/*.js assets/logo.svg
var files embed.FS

// The style sheet is one file to browsers and several to us, in this order.
func sheets() []string {
	return []string{"tokens", "base", "components", "controls", "proofs", "layout"}
}

// asset is a file for browsers, under an address that changes with its content.
type asset struct {
	path, contentType string
	body              []byte
}

type assetSet struct {
	css, logo asset
	scripts   map[string]asset
}

// scripts are the names that a Page may have in its Scripts.
func scripts() []string { return []string{"copy", "embedded", "passkey", "refresh"} }

var assets = sync.OnceValue(func() assetSet {
	var css []byte
	for _, name := range sheets() {
		css = append(css, mustRead("assets/"+name+".css")...)
	}
	all := assetSet{
		css:     newAsset("gatehouse", "css", "text/css; charset=utf-8", css),
		logo:    newAsset("logo", "svg", "image/svg+xml", mustRead("assets/logo.svg")),
		scripts: map[string]asset{},
	}
	for _, name := range scripts() {
		all.scripts[name] = newAsset(name, "js", "text/javascript; charset=utf-8", mustRead("assets/"+name+".js"))
	}
	return all
})

// mustRead reads an embedded file; a missing one does not compile.
func mustRead(name string) []byte {
	data, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return data
}

func newAsset(name, ext, contentType string, body []byte) asset {
	sum := sha256.Sum256(body)
	return asset{path: "/assets/" + name + "." + hex.EncodeToString(sum[:6]) + "." + ext, contentType: contentType, body: body}
}

// Assets serves /assets/…. An address holds the hash of its file, so browsers
// keep it for ever.
func (u *UI) Assets() http.Handler {
	all := map[string]asset{}
	for _, a := range []asset{assets().css, assets().logo} {
		all[a.path] = a
	}
	for _, a := range assets().scripts {
		all[a.path] = a
	}
	return u.Handle(func(w http.ResponseWriter, r *http.Request) error {
		a, ok := all[r.URL.Path]
		if !ok {
			return notFound()
		}
		w.Header().Set("Content-Type", a.contentType)
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(a.body)))
		return nil
	})
}

// Missing answers whatever nothing else answers: a page that says so.
func (u *UI) Missing() http.Handler {
	return u.Handle(func(http.ResponseWriter, *http.Request) error { return notFound() })
}
