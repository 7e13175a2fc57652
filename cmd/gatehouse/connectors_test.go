package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
	gitlabtwin "gatehouse/internal/twin/gitlab"
	"gatehouse/internal/users"
)

func TestConnectorsAndAccess(t *testing.T) {
	t.Parallel()
	_, connector := gitLab(t, "glpat-of-an-administrator")
	p := newPlace(t, plain(t)+connector)
	p.serves()
	p.does("connectors sync gitlab --wait", "done: 27 accounts, 25 groups and projects, 40 memberships, 7 shares;")
	p.does("connectors list", "gitlab  GitLab  gitlab  connected  yes")
	shown := p.does("connectors show gitlab", "Accounts             27", "connected", "done")
	if strings.Contains(shown.out, "glpat") {
		t.Errorf("the token is shown:\n%s", shown.out)
	}
	if c := decoded[oneConnector](p, "connectors show gitlab"); c.Accounts != 27 || c.Resources != 25 || len(c.Pulls) == 0 || c.Pulls[0].State != "done" {
		t.Errorf("%+v", c)
	}
	if all := decoded[[]connectorJSON](p, "connectors list"); len(all) != 1 || all[0].Status != "connected" {
		t.Errorf("%+v", all)
	}
	p.fails("connectors show wiki", exitFailed, "no connector has the key wiki")
	p.fails("connectors sync wiki", exitFailed, "no connector has the key wiki")
	events := p.events("connector.sync_requested")
	if !slices.ContainsFunc(events, func(e gatehouse.Event) bool { return e.Actor.Kind == gatehouse.ActorOperator }) {
		t.Errorf("audit log: %+v", events)
	}
	t.Run("Who", func(t *testing.T) {
		p.does("access who eng/web/shop --connector gitlab",
			"eng/web/shop (project of gitlab) is reached by 9 accounts.", "zhang.wei", "张伟",
			"direct member of eng as Owner; eng/web/shop lies in eng",
			"direct member of design as Developer; the group design is invited to eng/web/shop with at most Developer",
			"the group design is invited to eng/web with at most Reporter; eng/web/shop lies in eng/web")
		p.does("access who /ENG/web/shop/", "9 accounts")
		w := decoded[whoJSON](p, "access who eng/web/shop")
		if len(w.Reachers) != 9 || w.Reachers[0].Role != "Owner" || w.Reachers[0].Level != 50 || len(w.Reachers[0].Paths) == 0 {
			t.Errorf("%+v", w)
		}
		p.fails("access who shop", exitFailed, "the full path shop; what has it in its path or name: eng/web/shop")
		p.fails("access who no/such/thing", exitFailed, "the full path no/such/thing")
	})
	t.Run("Of", func(t *testing.T) {
		o := decoded[ofJSON](p, "access of GRACE")
		shop := 0
		for _, r := range o.Reached {
			if r.Resource.Path == "eng/web/shop" {
				shop = len(r.Paths)
			}
		}
		if o.Account.Username != "grace" || shop != 3 {
			t.Errorf("%d ways to eng/web/shop: %+v", shop, o)
		}
		p.does("access of id:"+o.Account.ID, "grace (Grace Kim 김은혜) of gitlab reaches", "eng/web/shop")
		p.fails("access of nobody.is.called.so", exitFailed, "no account of gitlab has the username nobody.is.called.so")
		p.fails("access of id:999999", exitFailed, "no account of gitlab has the id 999999")
	})
}

func TestSyncThatCannotSucceed(t *testing.T) {
	t.Parallel()
	_, wrong := gitLab(t, "glpat-that-nobody-made")
	_, narrow := gitLab(t, "glpat-without-the-scope")
	for name, tt := range map[string]struct{ connector, says string }{
		"WrongToken":           {wrong, "does not accept the access token"},
		"TokenWithoutTheScope": {narrow, "read_api"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, plain(t)+tt.connector)
			p.serves()
			s := p.run("connectors", "sync", "gitlab", "--wait")
			if s.code != exitFailed || !strings.Contains(s.err, "the sync of gitlab failed: ") || !strings.Contains(s.err, tt.says) {
				t.Errorf("ended with %d: %s", s.code, s.err)
			}
			p.does("connectors list", "failed", tt.says)
			if s := p.run("connectors", "sync", "gitlab", "--wait", "--json"); s.code != exitFailed || !strings.Contains(s.out, `"state": "failed"`) {
				t.Errorf("as JSON it ended with %d: %s", s.code, s.out)
			}
			for _, secret := range []string{"glpat-that", "glpat-without"} {
				if strings.Contains(s.out+s.err, secret) {
					t.Errorf("the token is printed: %s", s.err)
				}
			}
			p.fails("access who eng", exitFailed, "it was never read to its end")
		})
	}
}

// A page in place of GitLab may be one that says so during an upgrade, so it is
// tried again; whoever waits is told.
func TestSyncOfAGitLabThatIsNoneSaysSoAndIsTriedAgain(t *testing.T) {
	t.Parallel()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>Hello")) }))
	t.Cleanup(page.Close)
	p := newPlace(t, plain(t)+`connectors: [{name: GitLab, kind: gitlab, url: "`+page.URL+`", personal_access_token: glpat-anything}]`)
	p.serves()
	ctx, leave := context.WithTimeout(t.Context(), 2*time.Minute)
	defer leave()
	var out, errs lockedBuffer
	c := &cli{streams: streams{in: strings.NewReader(""), out: &out, err: &errs}, env: p.lookup}
	c.out = writerFunc(func(b []byte) (int, error) {
		if strings.Contains(string(b), "to be tried again: ") {
			defer leave()
		}
		return out.Write(b)
	})
	root := newRoot(c)
	root.SetArgs([]string{"connectors", "sync", "gitlab", "--wait"})
	if err := root.ExecuteContext(ctx); err == nil || !strings.Contains(err.Error(), "the sync goes on") {
		t.Errorf("ended with %v", err)
	}
	if !strings.Contains(out.String(), "does not answer like a GitLab") {
		t.Errorf("said %s", out.String())
	}
	p.does("connectors show gitlab", "syncing", "running", "does not answer like a GitLab")
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestSyncIsHeldWhenTooMuchVanishes(t *testing.T) {
	t.Parallel()
	twin, connector := gitLab(t, "glpat-of-an-administrator")
	p := newPlace(t, plain(t)+connector)
	p.serves()
	p.does("connectors sync gitlab --wait")
	twin.SetFaults(gitlabtwin.Faults{Rules: []gitlabtwin.Fault{{Path: "/api/v4/projects", Status: http.StatusOK, Body: "[]", Header: http.Header{"Content-Type": {"application/json"}}}}})
	s := p.run("connectors", "sync", "gitlab", "--wait")
	if s.code != exitFailed || !strings.Contains(s.err, "is held, since ") || !strings.Contains(s.err, "would vanish") {
		t.Errorf("ended with %d: %s%s", s.code, s.out, s.err)
	}
	p.does("access who eng/web/shop", "9 accounts") // nothing is taken away
}

func TestSyncWithoutAServer(t *testing.T) {
	t.Parallel()
	_, connector := gitLab(t, "glpat-of-an-administrator")
	p := newPlace(t, plain(t)+connector)
	p.tools().Close()
	p.does("connectors sync gitlab", "has been asked for")
	asked := decoded[map[string]string](p, "connectors sync gitlab")
	if again := decoded[map[string]string](p, "connectors sync gitlab"); asked["job"] == "" || again["job"] != asked["job"] {
		t.Errorf("asked twice: %v, %v", asked, again)
	}
	t.Run("WaitingSaysSoAndCanBeLeft", func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		var out, errs lockedBuffer
		now := time.Now()
		c := &cli{streams: streams{in: strings.NewReader(""), out: &out, err: &errs}, env: p.lookup, poll: time.Millisecond}
		looked := 0
		c.clock = func() time.Time { // each look is ten seconds after the one before
			if looked++; strings.Contains(errs.String(), "no server has begun it yet") {
				leave()
			}
			return now.Add(time.Duration(looked) * 10 * time.Second)
		}
		root := newRoot(c)
		root.SetArgs([]string{"connectors", "sync", "gitlab", "--wait"})
		err := root.ExecuteContext(ctx)
		if err == nil || !strings.Contains(err.Error(), "the sync goes on") || exitCode(err) != exitFailed {
			t.Errorf("left with %v", err)
		}
		if strings.Count(errs.String(), "no server has begun it yet") != 1 || !strings.Contains(out.String(), "waiting for a server") {
			t.Errorf("said %q and %q", out.String(), errs.String())
		}
	})
}

func TestConnectorMustBeNamedAmongSeveral(t *testing.T) {
	t.Parallel()
	p := newPlace(t, plain(t))
	p.tools().Close()
	p.fails("access who eng", exitFailed, "there are no connectors")
	p.does("connectors list", "There are no connectors.")
	p.update(func(tx *store.Tx, _ *users.Users) error {
		for _, key := range []string{"one", "two"} {
			c := gatehouse.Connector{Key: key, Name: key, Kind: "gitlab", URL: "https://gitlab.example.com", Token: "t", Enabled: key == "one", Managed: gatehouse.ManagedByDashboard}
			if err := tx.SaveConnector(&c); err != nil {
				return err
			}
		}
		return nil
	})
	p.fails("access who eng", exitUsage, "name one with --connector KEY")
	p.fails("access who eng --connector three", exitFailed, "no connector has the key three")
	p.fails("access who eng --connector one", exitFailed, "nothing is known of one yet")
	p.fails("connectors sync two", exitFailed, "is disabled")
	p.does("connectors show one", "It was never read.")
}
