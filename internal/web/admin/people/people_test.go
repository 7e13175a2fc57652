package people

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

// merged merges twin into alice, and gives the record.
func (w *world) merged() (m gatehouse.Merge) {
	w.t.Helper()
	w.update(func(tx *store.Tx) (err error) {
		m, err = w.rules.Merge(tx, gatehouse.Actor{Kind: gatehouse.ActorOperator, Name: "op"}, w.users["alice"].ID, w.users["twin"].ID)
		return err
	})
	return m
}

func TestG1WhoMayRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, waiting := Href(w.users["alice"].ID), "/admin/approvals/"+w.users["waiting"].ID
	identity, record := IdentityHref(w.users["alice"].ID, w.identity("alice").ID), RecordHref(w.merged().ID)
	for path, all := range map[string]bool{ // false: super administrators only
		"/admin/approvals": true, "/admin/approvals?verdict=denied": true, waiting: true, record: true,
		"/admin/users/new": false, alice + "/merge": false, alice + "/merge?q=x": false, identity: false,
	} {
		for as, want := range map[string]int{"": 303, "alice": 403, "auditor": 200, "keeper": 200, "root": 200} {
			if !all && as != "root" && want == 200 {
				want = 403
			}
			if got := w.send(as, path, nil); got.Code != want {
				t.Errorf("%q GET %s: %d, want %d", as, path, got.Code, want)
			}
		}
	}
}

// TestG1S12WhoMayChange: only super administrators change people, and what
// cannot easily be undone only after a fresh proof.
func TestG1S12WhoMayChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, waiting := w.users["alice"].ID, "/admin/approvals/"+w.users["waiting"].ID
	w.update(func(tx *store.Tx) error {
		w.users["stale"] = gatehouse.User{Username: "stale", Name: "stale", Role: gatehouse.RoleSuperAdministrator, State: gatehouse.UserActive}
		u := w.users["stale"]
		if err := tx.SaveUser(&u); err != nil {
			return err
		}
		w.users["stale"] = u
		return w.signIn(tx, "stale", noon.Add(-time.Hour))
	})
	for path, form := range map[string]url.Values{
		waiting: {"verdict": {"approve"}}, "/admin/users/new": {"username": {"intruder"}},
		Href(alice) + "/verify": {"address": {"alice@x.org"}}, Href(alice) + "/unlock": {},
		Href(alice) + "/invite": {"how": {"show"}}, Href(alice) + "/role": {"role": {"auditor"}},
		IdentityHref(alice, w.identity("alice").ID) + "/remove": {}, MergeHref(alice): {"other": {w.users["twin"].ID}},
		RecordHref(store.NewID()) + "/split": {},
	} {
		for as, want := range map[string]int{"": 401, "alice": 403, "auditor": 403, "keeper": 403} {
			if got := w.send(as, path, form); got.Code != want {
				t.Errorf("%q POST %s: %d, want %d", as, path, got.Code, want)
			}
		}
		if path == waiting || strings.HasSuffix(path, "/verify") || strings.HasSuffix(path, "/unlock") {
			continue
		}
		got := w.send("stale", path, form)
		if want := "/sign-in/confirm?return_to=" + url.QueryEscape(Href(alice)); got.Code != 303 || got.Header().Get("Location") != want {
			t.Errorf("POST %s with an old proof: %d to %q", path, got.Code, got.Header().Get("Location"))
		}
	}
	if w.user("waiting").State != gatehouse.UserPending || w.user("alice").Role != "" || w.user("twin").MergedInto != "" || w.identity("alice").ID == "" {
		t.Error("something was changed by somebody who may not")
	}
}

func TestG2WhatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.users["alice"].ID
	for _, path := range []string{
		"/admin/approvals/x", "/admin/approvals/" + alice, "/admin/users/x/merge", MergeHref(alice) + "?other=x", "/admin/merges/x",
		IdentityHref(alice, "x"), IdentityHref(w.users["twin"].ID, w.identity("alice").ID),
	} {
		if got := w.send("root", path, nil); got.Code != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, got.Code)
		}
	}
	for path, form := range map[string]url.Values{
		"/admin/approvals/x": {"verdict": {"approve"}}, "/admin/users/x/role": {"role": {""}}, "/admin/users/x/invite": {},
		"/admin/users/x/verify": {"address": {"alice@x.org"}}, "/admin/users/x/unlock": {}, Href(alice) + "/verify": {"address": {"twin@x.org"}},
		IdentityHref(w.users["twin"].ID, w.identity("alice").ID) + "/remove": {}, MergeHref(alice): {"other": {"x"}}, "/admin/merges/x/split": {},
	} {
		if got := w.send("root", path, form); got.Code != http.StatusNotFound {
			t.Errorf("POST %s: %d", path, got.Code)
		}
	}
}

func TestG11OddInputIsNoFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, q := range []string{"?after=garbage", "?verdict=x", "?verdict=%00", "?q=%ff", "?q=" + strings.Repeat("x", 5000), "?done=x", "?other=%00"} {
		for _, path := range []string{"/admin/approvals", MergeHref(w.users["alice"].ID)} {
			if got := w.send("root", path+q, nil); got.Code >= 500 {
				t.Errorf("GET %s%s: %d", path, q, got.Code)
			}
		}
	}
	for _, form := range []url.Values{{}, {"verdict": {"maybe"}}, {"verdict": {"approve"}, "approval": {"older"}}, {"verdict": {"deny"}, "reason": {strings.Repeat("x", 501)}}} {
		if got := w.send("root", "/admin/approvals/"+w.users["waiting"].ID, form); got.Code < 400 || got.Code >= 500 {
			t.Errorf("%v: %d", form, got.Code)
		}
	}
	if w.user("waiting").State != gatehouse.UserPending {
		t.Error("an odd form decided")
	}
}

func TestInbox(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	waiting := "/admin/approvals/" + w.users["waiting"].ID
	w.says("/admin/approvals", "&lt;script&gt;waiting", "@waiting · waiting@x.org", "GitLab &lt;i&gt;", "I am &lt;new&gt; here", "in 14 days", waiting)
	w.says(waiting, "<p>I am &lt;new&gt;</p>", "(not verified there)", "&lt;b&gt;devs", "block_auto_created_users", "Approve", "Deny")
	if got := w.send("auditor", waiting, nil).Body.String(); strings.Contains(got, `method="post"`) {
		t.Error("an auditor is shown the form")
	}
	long := w.send("root", waiting, url.Values{"verdict": {"deny"}, "reason": {strings.Repeat("字", 200)}})
	shows(t, "a long reason", long, "This is too long", strings.Repeat("字", 200))

	w.leads(w.send("root", waiting, url.Values{"verdict": {"deny"}, "reason": {"Not of <us>"}}), "/admin/approvals?done=denied")
	w.says("/admin/approvals?done=denied", "The request is denied", "Nobody waits")
	w.says("/admin/approvals?verdict=denied", "&lt;script&gt;waiting", "by root")
	w.says(waiting, "Not of &lt;us&gt;")
	again := w.send("root", waiting, url.Values{"verdict": {"approve"}})
	if again.Code != http.StatusConflict || !strings.Contains(again.Body.String(), "turned away already, by root") {
		t.Errorf("the second approver: %d", again.Code)
	}
	w.says("/admin/approvals?verdict=approved", "Nobody was approved yet")
	w.says("/admin/approvals?verdict=expired", "No request ran out")
}

func TestMakingAUserByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.says("/admin/users/new", "Add user", `name="role"`)
	bad := w.send("root", "/admin/users/new", url.Values{"username": {"!"}, "name": {"<b>"}})
	if bad.Code != http.StatusBadRequest {
		t.Errorf("a bad username: %d", bad.Code)
	}
	shows(t, "a bad username", bad, "cannot be used", "&lt;b&gt;")
	w.update(func(tx *store.Tx) error {
		u := w.users["alice"]
		u.EmailVerified = true
		return tx.SaveUser(&u)
	})
	taken := url.Values{"username": {"newbie"}, "email": {"Alice@x.org"}, "email_verified": {"true"}}
	if got := w.send("root", "/admin/users/new", taken); got.Code != http.StatusConflict {
		t.Errorf("a taken address: %d", got.Code)
	}
	got := w.send("root", "/admin/users/new", url.Values{
		"username": {"New.Bie"}, "name": {"New Bie"}, "email": {"newbie@x.org"}, "email_verified": {"true"}, "role": {"auditor"}, "state": {"blocked"}, "number": {"5"},
	})
	var made gatehouse.User
	w.update(func(tx *store.Tx) (err error) {
		made, err = tx.UserByUsername("new.bie")
		return err
	})
	w.leads(got, Href(made.ID)+"?done=made")
	if made.Name != "New Bie" || made.Email != "newbie@x.org" || !made.EmailVerified || made.Role != gatehouse.RoleAuditor || made.State != gatehouse.UserActive || made.Number < gatehouse.FirstUserNumber {
		t.Errorf("made %+v", made)
	}

	shown := w.send("root", Href(made.ID)+"/invite", url.Values{"how": {"show"}})
	shows(t, "the link", shown, "https://id.example.com/sign-in/invite?token=", "New Bie")
	if shown.Header().Get("Cache-Control") != "no-store" {
		t.Error("the link may be kept by caches")
	}
	w.leads(w.send("root", Href(made.ID)+"/invite", url.Values{"how": {"mail"}}), Href(made.ID)+"?done=invited")
	w.update(func(tx *store.Tx) error {
		jobs, err := tx.Jobs("mail.send", "", store.Cursor{})
		if len(jobs.Items) != 1 {
			t.Errorf("%d mails", len(jobs.Items))
		}
		return err
	})
	if got := w.send("root", Href(w.users["alice"].ID)+"/invite", url.Values{"how": {"show"}}); got.Code != http.StatusConflict {
		t.Errorf("a link into an account with a way in: %d", got.Code)
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := Href(w.users["alice"].ID)
	w.leads(w.send("root", alice+"/role", url.Values{"role": {"connector_administrator"}}), alice+"?done=role")
	if r := w.user("alice").Role; r != gatehouse.RoleConnectorAdministrator {
		t.Errorf("role %q", r)
	}
	for path, c := range map[string]struct {
		form url.Values
		want int
	}{
		alice + "/role":                       {url.Values{"role": {"owner"}}, 400},
		Href(w.users["root"].ID) + "/role":    {url.Values{"role": {""}}, 403},
		Href(w.users["waiting"].ID) + "/role": {url.Values{"role": {"auditor"}}, 409},
		Href(w.users["keeper"].ID) + "/role":  {url.Values{}, 400},
	} {
		if got := w.send("root", path, c.form); got.Code != c.want {
			t.Errorf("%s %v: %d, want %d", path, c.form, got.Code, c.want)
		}
	}
	if w.user("keeper").Role != gatehouse.RoleConnectorAdministrator || w.user("root").Role != gatehouse.RoleSuperAdministrator {
		t.Error("a refused form changed a role")
	}
}

func TestRemovingAnIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	href := IdentityHref(w.users["alice"].ID, w.identity("alice").ID)
	w.says(href, "alice &lt;there&gt;", "only identity", "Remove the identity")
	w.leads(w.send("root", href+"/remove", url.Values{}), Href(w.users["alice"].ID)+"?done=identity-removed")
	if got := w.send("root", href, nil); got.Code != http.StatusNotFound {
		t.Errorf("the identity is still there: %d", got.Code)
	}
}

func TestMergingAndSplitting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, twin := w.users["alice"], w.users["twin"]
	w.says(MergeHref(alice.ID), "Which account is merged into &lt;script&gt;alice?")
	w.says(MergeHref(alice.ID)+"?q=twin", "@twin", MergeHref(alice.ID)+"?other="+twin.ID)
	w.says(MergeHref(alice.ID)+"?q=nobody", "Nobody found")
	w.says(MergeHref(alice.ID)+"?other="+twin.ID, "twin &lt;there&gt;", "twin@x.org (not verified)", "two identities of GitLab", "Merge the accounts", "1 session")
	w.says(MergeHref(alice.ID)+"?other="+w.users["root"].ID, "cannot be merged")
	if w.user("twin").MergedInto != "" {
		t.Fatal("looking merged them")
	}
	w.leads(w.send("root", MergeHref(alice.ID), url.Values{"other": {twin.ID}}), Href(alice.ID)+"?done=merged")
	if w.user("twin").State != gatehouse.UserMerged || w.identity("twin").UserID != alice.ID {
		t.Errorf("twin is %+v", w.user("twin"))
	}
	if got := w.send("twin", "/admin/approvals", nil); got.Code != 303 {
		t.Errorf("the session of the one who went: %d", got.Code)
	}
	var record gatehouse.Merge
	var actions []string
	w.update(func(tx *store.Tx) error {
		all, err := tx.Merges(alice.ID)
		if err != nil || len(all) != 1 {
			t.Fatalf("%d merges, %v", len(all), err)
		}
		record = all[0]
		events, err := tx.Events(store.EventFilter{Action: "user.merged"}, store.Cursor{})
		for _, e := range events.Items {
			actions = append(actions, e.Action+" by "+e.Actor.Name)
		}
		return err
	})
	slices.Sort(actions)
	if !slices.Equal(actions, []string{"user.merged by root", "user.merged_in by root"}) {
		t.Errorf("audit: %v", actions)
	}
	w.says(RecordHref(record.ID), "twin &lt;there&gt;", "Split the accounts", "by root")
	w.leads(w.send("root", RecordHref(record.ID)+"/split", url.Values{}), Href(twin.ID)+"?done=split")
	if w.user("twin").State != gatehouse.UserActive || w.identity("twin").UserID != twin.ID {
		t.Errorf("twin is %+v", w.user("twin"))
	}
	w.says(RecordHref(record.ID), "Split")
	if got := w.send("root", RecordHref(record.ID)+"/split", url.Values{}); got.Code != http.StatusConflict {
		t.Errorf("split twice: %d", got.Code)
	}
}

func TestPagesShowNoMarkupOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.users["alice"].ID
	for _, path := range []string{
		"/admin/approvals", "/admin/approvals/" + w.users["waiting"].ID, MergeHref(alice) + "?q=x.org", MergeHref(alice) + "?other=" + w.users["twin"].ID,
		IdentityHref(alice, w.identity("alice").ID), RecordHref(w.merged().ID),
	} {
		got := w.send("root", path, nil).Body.String()
		for _, forbidden := range []string{"s3cr3t", "<script>", "<i>", "<b>", "<there>", "<new>", " style="} {
			if strings.Contains(got, forbidden) {
				t.Errorf("%s contains %q", path, forbidden)
			}
		}
	}
}

func TestVerifyingAndUnlocking(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := w.users["alice"]
	w.leads(w.send("root", Href(alice.ID)+"/verify", url.Values{"address": {"alice@x.org"}}), Href(alice.ID)+"?done=proof")
	w.update(func(tx *store.Tx) error {
		last, err := tx.LastEmailProof(alice.ID, "alice@x.org")
		if last.IsZero() {
			t.Error("no link was mailed")
		}
		return err
	})
	w.locks.userID = alice.ID
	view := func() (m ManageView) {
		t.Helper()
		w.update(func(tx *store.Tx) (err error) {
			p := &People{Users: w.rules, Locks: w.locks, MailReady: func() bool { return false }}
			m, err = p.View(tx, w.users["root"], alice)
			return err
		})
		return m
	}
	if m := view(); m.PausedUntil.IsZero() || m.Invitable || m.MailReady || len(m.Emails) != 1 || m.Emails[0].Address != "alice@x.org" || !m.RoleAllowed() {
		t.Errorf("%+v", m)
	}
	w.leads(w.send("root", Href(alice.ID)+"/unlock", url.Values{}), Href(alice.ID)+"?done=unlocked")
	if m := view(); !m.PausedUntil.IsZero() {
		t.Errorf("still paused until %v", m.PausedUntil)
	}
}
