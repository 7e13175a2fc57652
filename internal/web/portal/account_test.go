package portal

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/mail"
	"gatehouse/internal/self"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
)

func (w *world) update(fn func(tx *store.Tx) error) {
	w.t.Helper()
	if err := w.store.Update(w.t.Context(), fn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) user(name string) (u gatehouse.User) {
	w.t.Helper()
	w.update(func(tx *store.Tx) (err error) {
		u, err = tx.User(w.users[name].ID)
		return err
	})
	return u
}

func (w *world) emails(name string) (all []gatehouse.Email) {
	w.t.Helper()
	w.update(func(tx *store.Tx) (err error) {
		all, err = tx.Emails(w.users[name].ID)
		return err
	})
	return all
}

// link is the path of the last mail to an address.
func (w *world) link(to string) (path string) {
	w.t.Helper()
	w.update(func(tx *store.Tx) error {
		all, err := tx.Jobs("mail.send", "waiting", store.Cursor{Limit: 200})
		for _, j := range all.Items {
			var args struct{ Mail string }
			var m mail.Message
			if err := json.Unmarshal(j.Args, &args); err != nil {
				return err
			}
			row, err := tx.Mail(args.Mail)
			if err != nil {
				return err
			}
			if err := json.Unmarshal(row.Message, &m); err != nil {
				return err
			}
			if m.To == to && path == "" {
				path = strings.TrimPrefix(m.Link, "https://id.example.com")
			}
		}
		return err
	})
	return path
}

func goesTo(t *testing.T, code int, header http.Header, want string) {
	t.Helper()
	if got := header.Get("Location"); code != http.StatusSeeOther || got != want {
		t.Errorf("%d to %q, want %q", code, got, want)
	}
}

func TestProfile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.submit("alice", "/user/profile", "name", "Alice Li", "username", "alice.li", "locale", "zh-CN")
	goesTo(t, r.Code, r.Header(), "/user?done=saved")
	if u := w.user("alice"); u.Name != "Alice Li" || u.Username != "alice.li" || u.Locale != "zh-CN" {
		t.Errorf("alice is %+v", u)
	}
	page := w.do("alice", "GET", "/user").Body.String()
	if !strings.Contains(page, `lang="zh-CN"`) {
		t.Error("the page is not in the language that was chosen")
	}
	for name, c := range map[string]struct {
		form []string
		want int
	}{
		"taken":    {[]string{"name", "Typed name", "username", "bob"}, http.StatusConflict},
		"reserved": {[]string{"name", "Typed name", "username", "admin"}, http.StatusBadRequest},
		"no name":  {[]string{"name", "", "username", "typed.name"}, http.StatusBadRequest},
	} {
		r := w.submit("alice", "/user/profile", c.form...)
		if body := r.Body.String(); r.Code != c.want || !strings.Contains(body, `role="alert"`) || !strings.Contains(body, `value="`+c.form[3]+`"`) {
			t.Errorf("%s: %d; what was typed must stay, beside what is wrong with it\n%s", name, r.Code, body)
		}
	}
	// G3: nothing but what the form has.
	w.submit("alice", "/user/profile", "name", "Alice", "username", "alice", "role", "super_administrator", "email", "boss@example.com", "state", "left", "id", w.users["bob"].ID)
	if u := w.user("alice"); u.Role != "" || u.Email != "alice@example.com" || u.State != gatehouse.UserActive {
		t.Errorf("alice is %+v", u)
	}
}

func TestEmails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.submit("alice", "/user/emails", "address", "work@example.com")
	goesTo(t, r.Code, r.Header(), "/user?done=sent")
	link := w.link("work@example.com")
	if !strings.HasPrefix(link, self.VerifyPath+"?token=") {
		t.Fatalf("the mail leads to %q", link)
	}
	// S6: nothing happens by looking, as programs do that read mail before the person.
	for range 2 {
		if r := w.do("alice", "GET", link); r.Code != http.StatusOK || !strings.Contains(r.Body.String(), "work@example.com") {
			t.Fatalf("%d\n%s", r.Code, r.Body)
		}
	}
	if w.emails("alice")[0].Verified {
		t.Error("a GET verified the address")
	}
	token, _ := url.QueryUnescape(strings.TrimPrefix(link, self.VerifyPath+"?token="))
	for _, stranger := range []string{"bob"} {
		if r := w.do(stranger, "GET", link); r.Code != http.StatusForbidden || strings.Contains(r.Body.String(), "work@example.com") {
			t.Errorf("%s sees %d", stranger, r.Code)
		}
		if r := w.submit(stranger, self.VerifyPath, "token", token); r.Code != http.StatusForbidden {
			t.Errorf("%s verifies: %d", stranger, r.Code)
		}
	}
	if r := w.do("", "GET", link); !strings.HasPrefix(r.Header().Get("Location"), "/sign-in?return_to=%2Fuser%2Femails%2Fverify") {
		t.Errorf("nobody signed in: %d to %q", r.Code, r.Header().Get("Location"))
	}
	r = w.submit("alice", self.VerifyPath, "token", token)
	goesTo(t, r.Code, r.Header(), "/user?done=verified")
	if r := w.submit("alice", self.VerifyPath, "token", token); r.Code != http.StatusGone {
		t.Errorf("again: %d", r.Code)
	}
	r = w.submit("alice", "/user/emails/primary", "address", "work@example.com")
	goesTo(t, r.Code, r.Header(), "/user?done=primary")
	if u := w.user("alice"); u.Email != "work@example.com" || !u.EmailVerified {
		t.Errorf("alice is %+v", u)
	}
	r = w.submit("alice", "/user/emails/remove", "address", "alice@example.com")
	goesTo(t, r.Code, r.Header(), "/user?done=removed")
	if len(w.emails("alice")) != 0 {
		t.Errorf("left: %v", w.emails("alice"))
	}
}

func TestEmailProblemsAreShownBesideTheForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for address, want := range map[string]int{"no address<b>": http.StatusBadRequest, "alice@example.com": http.StatusConflict} {
		r := w.submit("alice", "/user/emails", "address", address)
		if body := r.Body.String(); r.Code != want || !strings.Contains(body, `role="alert"`) || strings.Contains(body, "<b>") {
			t.Errorf("%s: %d\n%s", address, r.Code, body)
		}
	}
	w.submit("alice", "/user/emails", "address", "new@example.com")
	if r := w.submit("alice", "/user/emails/resend", "address", "new@example.com"); r.Code != http.StatusTooManyRequests || !strings.Contains(r.Body.String(), `role="alert"`) {
		t.Errorf("resend at once: %d", r.Code)
	}
	w.now = w.now.Add(2 * time.Minute)
	r := w.submit("alice", "/user/emails/resend", "address", "new@example.com")
	goesTo(t, r.Code, r.Header(), "/user?done=sent")
	for _, path := range []string{"resend", "primary", "remove"} {
		if r := w.submit("alice", "/user/emails/"+path, "address", "bob@example.com"); r.Code != http.StatusNotFound {
			t.Errorf("%s somebody else's: %d", path, r.Code)
		}
	}
}

// TestS12SensitiveActsNeedAFreshSession: who signed in a while ago proves again
// who they are first, and nothing is done before.
func TestS12SensitiveActsNeedAFreshSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.now = w.now.Add(session.FreshFor)
	for _, path := range []string{
		"/user/emails", "/user/emails/primary", "/user/emails/remove", "/user/connections/gitlab", "/user/identities/x/remove", "/user/delete",
	} {
		r := w.submit("alice", path, "address", "new@example.com", "username", "alice")
		if to := r.Header().Get("Location"); r.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/sign-in/confirm?") {
			t.Errorf("%s: %d to %q", path, r.Code, to)
		}
	}
	if len(w.emails("alice")) != 0 || w.user("alice").State != gatehouse.UserActive {
		t.Error("something was done")
	}
}

func TestWithoutMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.portal.MailReady = false
	page := w.do("alice", "GET", "/user").Body.String()
	if strings.Contains(page, `action="/user/emails"`) || !strings.Contains(page, "Mail is not set up here") {
		t.Error("the page offers what cannot be finished")
	}
	for _, path := range []string{"/user/emails", "/user/emails/resend"} {
		if r := w.submit("alice", path, "address", "new@example.com"); r.Code != http.StatusForbidden {
			t.Errorf("%s: %d", path, r.Code)
		}
	}
}

func (w *world) identity(name string) (i gatehouse.Identity) {
	w.t.Helper()
	w.update(func(tx *store.Tx) error {
		all, err := tx.Identities(w.users[name].ID)
		if len(all) > 0 {
			i = all[0]
		}
		return err
	})
	return i
}

func TestDisconnect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	only := w.identity("alice")
	if page := w.do("alice", "GET", "/user").Body.String(); strings.Contains(page, "/remove\"><button") && strings.Contains(page, only.ID) || !strings.Contains(page, "the only way to sign in") {
		t.Error("the page offers to remove the last way in, or does not say why it cannot be")
	}
	if r := w.submit("alice", "/user/identities/"+only.ID+"/remove"); r.Code != http.StatusConflict {
		t.Errorf("the last way in: %d", r.Code)
	}
	w.update(func(tx *store.Tx) error {
		c, err := tx.ConnectionByName("gitlab")
		if err != nil {
			return err
		}
		return tx.SaveIdentity(&gatehouse.Identity{UserID: w.users["alice"].ID, ConnectionID: c.ID, Subject: "second"})
	})
	if r := w.submit("bob", "/user/identities/"+only.ID+"/remove"); r.Code != http.StatusNotFound {
		t.Errorf("G2: somebody else's: %d", r.Code)
	}
	r := w.submit("alice", "/user/identities/"+only.ID+"/remove")
	goesTo(t, r.Code, r.Header(), "/user?done=disconnected")
	if i := w.identity("alice"); i.Subject != "second" {
		t.Errorf("left is %+v", i)
	}
}

// TestReconnect: the page says when what we may do elsewhere has ended, or when
// the connection would like more than was allowed.
func TestReconnect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kept := gatehouse.ProviderTokens{IdentityID: w.identity("alice").ID, Tokens: gatehouse.Tokens{Access: "secret-token", Scopes: []string{"read_user"}}}
	save := func(scope any) string {
		w.update(func(tx *store.Tx) error {
			c, err := tx.ConnectionByName("dingtalk")
			if err != nil {
				return err
			}
			c.Args = map[string]any{"scope": scope}
			if err := tx.SaveConnection(&c); err != nil {
				return err
			}
			return tx.SaveProviderTokens(&kept)
		})
		return w.do("alice", "GET", "/user").Body.String()
	}
	if page := save("openid read_user"); strings.Contains(page, "Authorize more") || strings.Contains(page, "Reconnect") || strings.Contains(page, "secret-token") {
		t.Error("the page asks for what was allowed")
	}
	if page := save([]any{"read_user", "read_api"}); !strings.Contains(page, "Authorize more") || !strings.Contains(page, "read_api") {
		t.Error("the page does not offer to allow more")
	}
	w.update(func(tx *store.Tx) error {
		if ok, err := tx.LeaseProviderTokens(kept.IdentityID, kept.Version, "node", w.now.Add(time.Minute)); !ok || err != nil {
			t.Fatalf("lease: %v, %v", ok, err)
		}
		kept.Failed = gatehouse.Note{Text: "The provider does not renew it."}
		_, err := tx.SettleProviderTokens(kept, "node")
		return err
	})
	if page := w.do("alice", "GET", "/user").Body.String(); !strings.Contains(page, "Reconnect needed") {
		t.Error("the page does not say that the account must be connected again")
	}
}

func TestDeleteMyAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	page := w.do("alice", "GET", "/user/delete")
	if page.Code != http.StatusOK || !strings.Contains(page.Body.String(), "What stays") {
		t.Fatalf("%d\n%s", page.Code, page.Body)
	}
	if r := w.submit("alice", "/user/delete", "username", "bob"); r.Code != http.StatusBadRequest || !strings.Contains(r.Body.String(), "not your username") {
		t.Errorf("another name: %d", r.Code)
	}
	r := w.submit("alice", "/user/delete", "username", " Alice ")
	goesTo(t, r.Code, r.Header(), "/user/deleted")
	gone := map[string]bool{}
	for _, c := range r.Result().Cookies() {
		gone[c.Name] = c.MaxAge < 0
	}
	if want := map[string]bool{"gatehouse_session": true, "gatehouse_state": true}; !maps.Equal(gone, want) {
		t.Errorf("the browser keeps a cookie: %v", gone)
	}
	if w.user("alice").State != gatehouse.UserLeft || len(w.alive("alice")) != 0 || len(w.alive("bob")) != 2 {
		t.Errorf("alice is %+v", w.user("alice"))
	}
	if r := w.do("", "GET", "/user/deleted"); r.Code != http.StatusOK {
		t.Errorf("the page after it: %d", r.Code)
	}
}

func TestAccountsAreKeptWhereTheOperatorWantsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if page := w.do("alice", "GET", "/user").Body.String(); !strings.Contains(page, `href="/user/delete"`) {
		t.Error("the account page does not lead to deleting it")
	}
	w.portal.Self.KeepAccounts = true
	if page := w.do("alice", "GET", "/user").Body.String(); strings.Contains(page, "/user/delete") {
		t.Error("the account page offers what nobody may do")
	}
	if r := w.do("alice", "GET", "/user/delete"); !strings.Contains(r.Body.String(), "Ask an administrator") || strings.Contains(r.Body.String(), `action="/user/delete"`) {
		t.Errorf("%d\n%s", r.Code, r.Body)
	}
	if r := w.submit("alice", "/user/delete", "username", "alice"); r.Code != http.StatusForbidden || w.user("alice").State != gatehouse.UserActive {
		t.Errorf("%d, alice is %s", r.Code, w.user("alice").State)
	}
}

func TestTheLastAdministratorIsToldWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.update(func(tx *store.Tx) error {
		u := w.users["alice"]
		u.Role = gatehouse.RoleSuperAdministrator
		return tx.SaveUser(&u)
	})
	if r := w.do("alice", "GET", "/user/delete"); !strings.Contains(r.Body.String(), "only administrator") || strings.Contains(r.Body.String(), `action="/user/delete"`) {
		t.Errorf("%d\n%s", r.Code, r.Body)
	}
	if r := w.submit("alice", "/user/delete", "username", "alice"); r.Code != http.StatusConflict || w.user("alice").State != gatehouse.UserActive {
		t.Errorf("%d", r.Code)
	}
}
