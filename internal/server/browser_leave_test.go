package server

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"golang.org/x/oauth2"

	"gatehouse"
	"gatehouse/internal/config"
	"gatehouse/internal/i18n"
)

// TestBrowserLeave has a browser be an app that watches the session in a frame
// (OpenID Connect Session Management 1.0), and that is told of the sign-out in
// another (Front-Channel Logout 1.0).
func TestBrowserLeave(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	for _, lang := range i18n.Langs() {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			browseLeave(t, browser, lang)
		})
	}
}

// watcher is an app that watches: its page asks the frame of the provider once,
// and shows the answer.
type watcher struct {
	*httptest.Server
	app oauth2.Config

	mu       sync.Mutex
	verifier string
	state    string       // session_state of the sign-in
	told     []url.Values // what came to the address of front-channel logout
}

const watchingPage = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Watcher</title><link rel="icon" href="data:,"></head>
<body><h1>Watcher</h1><p id="answer">waits</p><iframe id="op" src=%[1]q title="session"></iframe>
<script>
const frame = document.getElementById("op");
addEventListener("message", e => { if (e.source === frame.contentWindow && e.origin === %[2]q) document.getElementById("answer").textContent = "it is " + e.data; });
frame.addEventListener("load", () => frame.contentWindow.postMessage(%[3]q, %[2]q));
</script></body></html>`

func startWatcher(t *testing.T) *watcher {
	t.Helper()
	w := &watcher{verifier: oauth2.GenerateVerifier()}
	mux := http.NewServeMux()
	mux.HandleFunc("/callback", func(rw http.ResponseWriter, r *http.Request) {
		if _, err := w.app.Exchange(r.Context(), r.URL.Query().Get("code"), oauth2.VerifierOption(w.verifier)); err != nil {
			http.Error(rw, err.Error(), http.StatusBadGateway)
			return
		}
		w.mu.Lock()
		w.state = r.URL.Query().Get("session_state")
		w.mu.Unlock()
		http.Redirect(rw, r, "/watch", http.StatusSeeOther)
	})
	mux.HandleFunc("/watch", func(rw http.ResponseWriter, _ *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		hub := w.app.Endpoint.TokenURL[:len(w.app.Endpoint.TokenURL)-len("/oauth/token")]
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(rw, watchingPage, hub+"/oauth/session/check", hub, w.app.ClientID+" "+w.state)
	})
	mux.HandleFunc("/left", func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.told = append(w.told, r.URL.Query())
		w.mu.Unlock()
		_, _ = rw.Write([]byte("<!DOCTYPE html><title>left</title>"))
	})
	w.Server = httptest.NewServer(mux)
	t.Cleanup(w.Close)
	return w
}

// heard are the front-channel logouts so far.
func (w *watcher) heard() []url.Values {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]url.Values(nil), w.told...)
}

func browseLeave(t *testing.T, browser context.Context, lang i18n.Lang) {
	w := startWatcher(t)
	r := startDev(t, t.TempDir(), func(_ *dev, c *config.Config) {
		c.Clients = append(c.Clients, gatehouse.Client{
			ID: "watcher", Name: "Watcher", SecretHash: gatehouse.Digest(exampleSecret), Trusted: true, Enabled: true, RequirePKCE: true,
			Scopes: []string{"openid"}, RedirectURIs: []string{w.URL + "/callback"}, Managed: gatehouse.ManagedByFile,
			Settings: gatehouse.ClientSettings{FrontchannelLogoutURI: w.URL + "/left", FrontchannelSession: true},
		})
	})
	w.app = oauth2.Config{
		ClientID: "watcher", ClientSecret: exampleSecret, RedirectURL: w.URL + "/callback", Scopes: []string{"openid"},
		Endpoint: oauth2.Endpoint{AuthURL: r.hub + "/oauth/authorize", TokenURL: r.hub + "/oauth/token"},
	}
	b := newTab(t, browser, lang)
	b.expect("DocumentCookie") // the frame has no other way to learn of the session
	signIn := func() {
		b.open(w.app.AuthCodeURL("a state", oauth2.S256ChallengeOption(w.verifier)))
	}
	signIn()
	b.click(withGitLab)
	b.click(onGitLab("3"))
	b.click(authorize)
	b.sees("Watcher", "it is unchanged")
	signIn() // again, with the session that there is
	b.sees("it is unchanged")
	if n := len(w.heard()); n > 0 {
		t.Errorf("it was told of %d sign-outs before there was one", n)
	}

	b.open(r.hub + "/sign-out")
	b.click(`form[action="/sign-out"] button`)
	b.sees(b.say("You are signed out."))
	b.look("signed-out-frames")
	b.open(w.URL + "/watch")
	b.sees("it is changed")
	switch told := w.heard(); {
	case len(told) == 0:
		t.Error("the frame of the sign-out page did not load the app's address")
	case told[0].Get("iss") != r.hub || told[0].Get("sid") == "":
		t.Errorf("told %v", told[0])
	}

	// The next sign-in is another session: what the app had is still changed.
	old := w.state
	signIn()
	b.click(withGitLab)
	b.click(authorize) // the stand-in still knows who they are
	b.sees("it is unchanged")
	w.mu.Lock()
	w.state = old
	w.mu.Unlock()
	b.open(w.URL + "/watch")
	b.sees("it is changed")
	w.mu.Lock()
	w.state = "no-state-at-all"
	w.mu.Unlock()
	b.open(w.URL + "/watch")
	b.sees("it is error")
}
