package signin

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
)

// inside is a vendor whose client vouches for the person whom the code names.
type inside struct{ company string }

func (i inside) Page() integration.EmbeddedPage {
	return integration.EmbeddedPage{Agent: "Vendor/", Script: "https://vendor.example/sdk.js", Call: "vendor", ClientID: "app", Company: i.company, Fill: "corp=$ID$"}
}

func (inside) FinishEmbedded(_ context.Context, code string) (gatehouse.Vouched, error) {
	if code == "stranger" {
		return gatehouse.Vouched{}, gatehouse.Errorf(gatehouse.Forbidden, "Only people of %s may sign in.", "ACME").With("missing_permission", "read_people")
	}
	return gatehouse.Vouched{Subject: code, Profile: gatehouse.Profile{Username: code}}, nil
}

const client = "Mozilla/5.0 Vendor/7.0"

// indoors is a world in which "one" has a client of its own.
func indoors(t *testing.T, company string) (*world, *clock) {
	t.Helper()
	w, c := one(t)
	w.Apps.Kinds = append(slices.Clone(w.Apps.Kinds), integration.Kind{Name: "indoors", OpenConnection: func(gatehouse.Connection, integration.Env) (integration.Door, error) {
		return integration.Door{Provider: w.fake, Embedded: inside{company}}, nil
	}})
	w.change(gatehouse.Connection{Name: "one", Kind: "indoors", Label: "The one", Enabled: true, Rules: gatehouse.ConnectionRules{AllowSingleSignOn: true}})
	return w, c
}

func (w *world) silent(st Start, company string) Silent {
	w.t.Helper()
	st.Connection, st.BrowserHash = "one", browser
	s, err := w.BeginEmbedded(w.t.Context(), st, company)
	if err != nil {
		w.t.Fatal(err)
	}
	if s.State == "" != (s.Why.Text != "") || s.Connection.AppSecret != "" {
		w.t.Errorf("%+v", s)
	}
	return s
}

// noSilence comes back with a code of the client, and wants a no.
func (w *world) noSilence(a Answer, rule string) {
	w.t.Helper()
	res, err := w.FinishEmbedded(w.t.Context(), a)
	var r *Refused
	if !errors.As(err, &r) || r.Decision.Rule != rule || res.SessionToken != "" {
		w.t.Errorf("got %+v, %v; want a Refused by %s", res, err, rule)
	}
	if n := w.sessions(); n != 0 {
		w.t.Errorf("%d sessions were started", n)
	}
}

func TestEmbedded_SignsInWithTheCodeOfTheClient(t *testing.T) {
	t.Parallel()
	w, _ := indoors(t, "")
	s := w.silent(Start{Agent: client, ReturnTo: "/user/security"}, "corp1")
	if s.Page.Company != "corp1" || s.Page.Script == "" {
		t.Errorf("%+v", s.Page)
	}
	r, err := w.FinishEmbedded(t.Context(), answer(s.State, "alice"))
	if err != nil || r.SessionToken == "" || r.GoTo != "/user/security" || r.User.Username != "alice" {
		t.Fatalf("%+v, %v", r, err)
	}
	if w.fake.asked() != 0 {
		t.Error("the provider was asked the usual way as well")
	}
	_, err = w.FinishEmbedded(t.Context(), answer(s.State, "alice"))
	if gatehouse.KindOf(err) != gatehouse.Expired {
		t.Errorf("the same state again: %v", err)
	}
}

func TestEmbedded_H2StateBelongsToTheBrowser(t *testing.T) {
	t.Parallel()
	w, c := indoors(t, "corp1")
	begun := func() string { return w.silent(Start{Agent: client}, "").State }
	foreignBrowser := answer(begun(), "mallory")
	foreignBrowser.BrowserHash = another
	w.noSilence(foreignBrowser, ruleBrowser)
	noCookie := answer(begun(), "mallory")
	noCookie.BrowserHash = nil
	w.noSilence(noCookie, ruleBrowser)
	otherConnection := answer(begun(), "mallory")
	otherConnection.Connection = "two"
	w.noSilence(otherConnection, "state_connection")
	w.noSilence(answer("", "mallory"), ruleUnknown)
	w.noSilence(answer(gatehouse.NewSecret(), "mallory"), ruleUnknown)
	late := begun()
	c.pass(attemptLife + time.Second)
	w.noSilence(answer(late, "mallory"), "state_expired")
	disabled := begun()
	w.change(gatehouse.Connection{Name: "one", Kind: "indoors", Label: "The one"})
	w.noSilence(answer(disabled, "mallory"), "connection_disabled")
}

// TestEmbedded_NeverWhereThePersonIsToBeAsked: a state that was made for the
// usual way is no good for a code that comes without a question.
func TestEmbedded_NeverWhereThePersonIsToBeAsked(t *testing.T) {
	t.Parallel()
	w, _ := indoors(t, "corp1")
	for name, st := range map[string]Start{
		"TheUsualWay": {},
		"Linking":     {Purpose: gatehouse.ForLink, UserID: w.make("bob"), Agent: client},
		"Fresh":       {Fresh: true, Agent: client},
	} {
		t.Run(name, func(t *testing.T) {
			a := answer(w.begin(st), "mallory")
			a.CurrentUserID = st.UserID
			w.noSilence(a, "state_embedded")
		})
	}
	w.noSilence(answer(w.silent(Start{Agent: client}, "").State, "stranger"), "provider")
	for name, d := range map[string]gatehouse.Demand{
		"after": {After: time.Now()}, "choose": {Choose: true}, "acr": {ACR: []string{"phr"}},
	} {
		w.request(name, browser, d)
		if s := w.silent(Start{Agent: client, Request: name}, ""); s.State != "" {
			t.Errorf("an app that demands %s was answered silently", name)
		}
	}
	w.request("plain", browser, gatehouse.Demand{})
	if s := w.silent(Start{Agent: client, Request: "plain"}, ""); s.State == "" {
		t.Errorf("an app that demands nothing: %+v", s)
	}
	_, err := w.BeginEmbedded(t.Context(), Start{Connection: "one", BrowserHash: another, Agent: client, Request: "plain"}, "")
	if gatehouse.KindOf(err) != gatehouse.Expired {
		t.Errorf("somebody else's request: %v", err)
	}
}

func TestEmbedded_OffersTheUsualWay(t *testing.T) {
	t.Parallel()
	w, _ := indoors(t, "")
	for name, c := range map[string]struct{ agent, company string }{
		"InABrowser":            {"Mozilla/5.0", "corp1"},
		"WithoutACompany":       {client, ""},
		"WithSomethingElse":     {client, `"><script>`},
		"WithAnEndlessCompany":  {client, strings.Repeat("a", 65)},
		"InABrowserWithoutName": {"", "corp1"},
	} {
		t.Run(name, func(t *testing.T) {
			if s := w.silent(Start{Agent: c.agent}, c.company); s.State != "" || s.Page.Script != "" {
				t.Errorf("%+v", s)
			}
		})
	}
	for name, change := range map[string]gatehouse.Connection{
		"NoDoor":   {Name: "two", Enabled: true},
		"LinkOnly": {Name: "one", Kind: "indoors", Enabled: true, Rules: gatehouse.ConnectionRules{LinkOnly: true}},
	} {
		w.change(change)
		if _, err := w.BeginEmbedded(t.Context(), Start{Connection: change.Name, BrowserHash: browser, Agent: client}, ""); gatehouse.KindOf(err) != gatehouse.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBegin_LeadsInsideWhereNobodyHasToBeAsked: the button of the sign-in page
// leads to the page that asks nothing, where that page can do it.
func TestBegin_LeadsInsideWhereNobodyHasToBeAsked(t *testing.T) {
	t.Parallel()
	w, _ := indoors(t, "corp1")
	unknown, _ := indoors(t, "")
	for name, c := range map[string]struct {
		w    *world
		st   Start
		want string // "" = the provider's page
	}{
		"Inside":           {w, Start{Agent: client}, "/sign-in/one/embedded"},
		"ForAnApp":         {w, Start{Agent: client, ReturnTo: "/user?a=b"}, "/sign-in/one/embedded?return_to=%2Fuser%3Fa%3Db"},
		"ForAnotherSite":   {w, Start{Agent: client, ReturnTo: "https://evil.example/"}, "/sign-in/one/embedded"},
		"Outside":          {w, Start{Agent: "Mozilla/5.0"}, ""},
		"UsualWayWanted":   {w, Start{}, ""},
		"Fresh":            {w, Start{Agent: client, Fresh: true}, ""},
		"Linking":          {w, Start{Agent: client, Purpose: gatehouse.ForLink, UserID: w.make("carol")}, ""},
		"CompanyIsUnknown": {unknown, Start{Agent: client}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.st.Connection, c.st.BrowserHash = "one", browser
			got, err := c.w.Begin(t.Context(), c.st)
			u, _ := url.Parse(got)
			if err != nil || (c.want != "" && got != c.want) || (c.want == "" && u.Host != "provider.example") {
				t.Errorf("%s, %v", got, err)
			}
		})
	}
}

// make makes a user and gives the id.
func (w *world) make(name string) string {
	w.t.Helper()
	u := gatehouse.User{Username: name, State: gatehouse.UserActive}
	w.update(func(tx *store.Tx) error {
		u.ID = ""
		return tx.SaveUser(&u)
	})
	return u.ID
}

// TestEmbeddedURL: a listed company need not be told by the address.
func TestEmbeddedURL(t *testing.T) {
	t.Parallel()
	for company, want := range map[string]string{"": "https://id.example.com/sign-in/one/embedded?corp=$ID$", "corp1": "https://id.example.com/sign-in/one/embedded"} {
		w, _ := indoors(t, company)
		if got := w.EmbeddedURL(t.Context(), w.connection("one")); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if got := w.EmbeddedURL(t.Context(), w.connection("two")); got != "" {
			t.Errorf("of a kind without a client: %s", got)
		}
	}
}

// connection is the id of a connection.
func (w *world) connection(name string) (id string) {
	w.t.Helper()
	w.update(func(tx *store.Tx) error {
		c, err := tx.ConnectionByName(name)
		id = c.ID
		return err
	})
	return id
}
