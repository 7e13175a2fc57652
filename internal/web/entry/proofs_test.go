package entry

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// with is connection one with a choice for new people.
func with(n gatehouse.NewPeople) gatehouse.Connection {
	c := one()
	c.Rules.SetNewPeople(n)
	return c
}

var proofField = regexp.MustCompile(`name="proof" value="([^"]+)"`)

func (p page) proof(t *testing.T) string {
	t.Helper()
	m := proofField.FindStringSubmatch(p.body)
	if m == nil {
		t.Fatalf("status %d, no proof in the page:\n%s", p.status, p.body)
	}
	return url.QueryEscape(m[1])
}

// says follows where a page leads, and wants a status and texts.
func (b *browser) says(p page, status int, texts ...string) page {
	b.w.t.Helper()
	for hops := 0; p.status == http.StatusSeeOther && hops < 5; hops++ {
		p = b.get(p.location)
	}
	if p.status != status {
		b.w.t.Fatalf("status %d, want %d:\n%s", p.status, status, p.body)
	}
	for _, text := range texts {
		if !strings.Contains(p.body, text) {
			b.w.t.Errorf("the page does not say %q:\n%s", text, p.body)
		}
	}
	return p
}

func (w *world) user(u gatehouse.User) gatehouse.User {
	w.t.Helper()
	w.update(func(tx *store.Tx) error { return tx.SaveUser(&u) })
	return u
}

func TestAskForAnAccountWaitAndGetIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, with(gatehouse.NewPeopleRequestAccess))
	b := w.browser()
	p := b.says(b.signIn("alice"), 403, "You cannot sign in yet", "You may ask for one", "Ask for an account", "The One", "Reference", connectPath)
	proof := p.proof(t)
	if p := b.post("/sign-in/refused/ask", "proof=other&message=x"); p.status != 410 {
		t.Errorf("with another proof: status %d", p.status)
	}
	other := w.browser()
	if p := other.post("/sign-in/refused/ask", "proof="+proof); p.status != 410 {
		t.Errorf("in another browser: status %d", p.status)
	}
	p = b.post("/sign-in/refused/ask", "proof="+proof+"&message="+url.QueryEscape("I am <b>new</b>\nhere"))
	if p.location != "/sign-in/waiting" {
		t.Fatalf("asking leads to %d %q", p.status, p.location)
	}
	p = b.says(p, 200, "Your account waits for approval", "alice", "I am &lt;b&gt;new", "Reference", `data-refresh="5"`, `http-equiv="refresh"`)
	if other.get("/sign-in/waiting").location != "/sign-in?auto_sign_in=false" {
		t.Error("another browser waits as well")
	}
	if b.get("/sign-in/refused").status != 410 {
		t.Error("who waits is refused as well")
	}
	alice := userOf(t, w)
	w.update(func(tx *store.Tx) error {
		return w.sign.Users.Approve(tx, gatehouse.Actor{Kind: gatehouse.ActorOperator, Name: "op"}, alice.ID, users.Answer{})
	})
	r := b.refresh("/sign-in/waiting")
	if r.status != http.StatusNoContent || b.signedIn() {
		t.Errorf("the script of the page: status %d, signed in %t", r.status, b.signedIn())
	}
	if p := b.get("/sign-in/waiting"); p.location != "/user" || !b.signedIn() {
		t.Errorf("approved: %d to %q, signed in %t", p.status, p.location, b.signedIn())
	}
	if p := b.get("/sign-in/waiting"); p.location != "/user" {
		t.Errorf("once in: %d to %q", p.status, p.location)
	}
}

// refresh asks as the script of a page that keeps itself up to date.
func (b *browser) refresh(target string) page {
	b.w.t.Helper()
	b.header = refreshing
	defer func() { b.header = "" }()
	return b.get(target)
}

func TestWaitingPageTellsTheAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, with(gatehouse.NewPeoplePending))
	b := w.browser()
	p := b.says(b.signIn("alice"), 200, "Your account waits for approval", "Stop waiting in this browser")
	alice := userOf(t, w)
	w.update(func(tx *store.Tx) error {
		return w.sign.Users.Deny(tx, gatehouse.Actor{Kind: gatehouse.ActorOperator, Name: "op"}, alice.ID, users.Answer{Reason: "Not of <us>"})
	})
	denied := b.says(b.get("/sign-in/waiting"), 200, "Your request was denied", "The administrator wrote: Not of &lt;us&gt;")
	if strings.Contains(denied.body, `data-refresh="5"`) {
		t.Error("the page of a denied person asks on")
	}
	if p := b.post("/sign-in/waiting/stop", "proof="+p.proof(t)); p.location != "/sign-in?auto_sign_in=false" {
		t.Errorf("stopping leads to %d %q", p.status, p.location)
	}
	if p := b.get("/sign-in/waiting"); p.location != "/sign-in?auto_sign_in=false" {
		t.Errorf("who stopped waits on: %d to %q", p.status, p.location)
	}
	b.says(b.signIn("alice"), 403, "Not of &lt;us&gt;")
}

// TestSignOutEndsWhatWaits: the next person at the browser goes on with nothing
// of the one before.
func TestSignOutEndsWhatWaits(t *testing.T) {
	t.Parallel()
	for name, signIn := range map[string]bool{"WithASession": true, "WithoutOne": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, with(gatehouse.NewPeopleRequestAccess))
			b := w.browser()
			b.says(b.signIn("alice"), 403, "You cannot sign in yet")
			if signIn {
				b.cookies["gatehouse_session"] = w.session(w.user(gatehouse.User{Username: "bob", State: gatehouse.UserActive}))
			}
			if p := b.post("/sign-out", ""); p.status != http.StatusSeeOther || b.signedIn() {
				t.Fatalf("signing out: %d, signed in %t", p.status, b.signedIn())
			}
			if p := b.get("/sign-in/refused"); p.status != http.StatusGone {
				t.Errorf("what was refused before is still offered: %d", p.status)
			}
			b.cookies["gatehouse_session"] = w.session(w.user(gatehouse.User{Username: "carol", State: gatehouse.UserActive}))
			if p := b.get(connectPath); p.status != http.StatusGone {
				t.Errorf("somebody else may connect it: %d", p.status)
			}
		})
	}
}

// TestConnectWhatWasRefused: the address is somebody's; the person signs in to
// that account and connects, or does not.
func TestConnectWhatWasRefused(t *testing.T) {
	t.Parallel()
	setUp := func(t *testing.T) (*world, *browser, gatehouse.User) {
		t.Helper()
		two := with(gatehouse.NewPeopleCreate)
		two.Name, two.Label = "two", "The Two"
		w := newWorld(t, with(gatehouse.NewPeopleOff), two)
		b := w.browser()
		b.says(b.signIn("alice"), 403, "You cannot sign in yet", "Sign in and connect it")
		b.says(b.get("/sign-in?auto_sign_in=false&return_to="+connectPath), 200, "Then you can connect your The One account to it", "Continue with The Two")
		begun := b.post("/sign-in/two", "return_to="+connectPath)
		u, err := url.Parse(begun.location)
		if err != nil {
			t.Fatal(err)
		}
		if p := b.get("/users/auth/two/callback?code=ann&state=" + u.Query().Get("state")); p.location != connectPath {
			t.Fatalf("signing in leads to %d %q: %s", p.status, p.location, p.body)
		}
		return w, b, userOf(t, w)
	}
	t.Run("Yes", func(t *testing.T) {
		t.Parallel()
		w, b, ann := setUp(t)
		p := b.says(b.get(connectPath), 200, "Connect your The One account?", "alice", "ann", "The Two")
		if n := len(w.identities(ann)); n != 1 {
			t.Fatalf("%d identities before anything was pressed", n)
		}
		form := "proof=" + p.proof(t)
		if p := b.post(connectPath+"/yes", form); p.location != "/user" {
			t.Fatalf("connecting leads to %d %q: %s", p.status, p.location, p.body)
		}
		if n := len(w.identities(ann)); n != 2 {
			t.Errorf("%d identities, want 2", n)
		}
		if p := b.post(connectPath+"/yes", form); p.status != 410 {
			t.Errorf("twice: status %d", p.status)
		}
	})
	t.Run("No", func(t *testing.T) {
		t.Parallel()
		w, b, ann := setUp(t)
		form := "proof=" + b.get(connectPath).proof(t)
		if p := b.post(connectPath+"/no", form); p.location != "/user" {
			t.Errorf("not now leads to %d %q", p.status, p.location)
		}
		if p := b.post(connectPath+"/yes", form); p.status != 410 || len(w.identities(ann)) != 1 {
			t.Errorf("yes after no: status %d", p.status)
		}
	})
	t.Run("SignedOutIsAskedToSignIn", func(t *testing.T) {
		t.Parallel()
		_, b, _ := setUp(t)
		form := "proof=" + b.get(connectPath).proof(t)
		delete(b.cookies, "gatehouse_session")
		if p := b.get(connectPath); p.location != "/sign-in?return_to="+url.QueryEscape(connectPath) {
			t.Errorf("the page leads to %d %q", p.status, p.location)
		}
		if p := b.post(connectPath+"/yes", form); p.status != 401 {
			t.Errorf("the form: status %d", p.status)
		}
	})
}

func (w *world) identities(u gatehouse.User) (all []gatehouse.Identity) {
	w.t.Helper()
	w.update(func(tx *store.Tx) (err error) {
		all, err = tx.Identities(u.ID)
		return err
	})
	return all
}

func TestSignUp(t *testing.T) {
	t.Parallel()
	named := func(name string, n gatehouse.NewPeople) gatehouse.Connection {
		c := with(n)
		c.Name, c.Label = name, "The "+name
		return c
	}
	w := newWorld(t, named("off", gatehouse.NewPeopleOff), named("link", gatehouse.NewPeopleLinkOnly), named("ask", gatehouse.NewPeopleRequestAccess),
		named("wait", gatehouse.NewPeoplePending), named("open", gatehouse.NewPeopleCreate))
	b := w.browser()
	p := b.says(b.get("/sign-up?return_to=/user/security"), 200, "The ask", "You can ask for an account", "The wait", "has to approve", "The open", "/sign-in?return_to=")
	for _, not := range []string{"The off", "The link"} {
		if strings.Contains(p.body, not) {
			t.Errorf("the page offers %q", not)
		}
	}
	b.says(b.get("/sign-in"), 200, "Are you new here?", "/sign-up", "The off")
	closed := newWorld(t, named("off", gatehouse.NewPeopleOff)).browser()
	closed.says(closed.get("/sign-up"), 200, "Nobody can sign up here by themselves")
	if p := closed.get("/sign-in"); strings.Contains(p.body, "/sign-up") {
		t.Error("the sign-in leads to a sign-up that offers nothing")
	}
}

func TestLastUsedComesFirst(t *testing.T) {
	t.Parallel()
	a, z := one(), one()
	a.Name, a.Label, z.Name, z.Label = "a", "The A", "z", "The Z"
	w := newWorld(t, a, one(), z)
	b := w.browser()
	order := func() string {
		p := b.get("/sign-in?auto_sign_in=false")
		return strings.Join(regexp.MustCompile(`action="/sign-in/([a-z]+)"`).FindAllString(p.body, -1), " ")
	}
	first := order()
	b.signIn("alice")
	if got := b.cookies["gatehouse_way"]; got != "one" {
		t.Errorf("the browser remembers %q", got)
	}
	delete(b.cookies, "gatehouse_session")
	want := strings.Replace(`action="/sign-in/one" `+strings.Replace(first, ` action="/sign-in/one"`, "", 1), "  ", " ", 1)
	if got := order(); got != want || got == first {
		t.Errorf("order %q, want %q", got, want)
	}
	b.says(b.get("/sign-in?auto_sign_in=false"), 200, "Used last in this browser")
	for _, forged := range []string{"nosuch", "<script>", strings.Repeat("a", 500), "one two"} {
		b.cookies["gatehouse_way"] = forged
		if got := order(); got != first {
			t.Errorf("cookie %.20q: order %q", forged, got)
		}
	}
}

// session signs a user in and gives the cookie.
func (w *world) session(u gatehouse.User) (token string) {
	w.t.Helper()
	w.update(func(tx *store.Tx) (err error) {
		token, _, err = w.sign.Sessions.Start(tx, session.Start{UserID: u.ID, UserName: u.Username, Method: "federated"})
		return err
	})
	return token
}
