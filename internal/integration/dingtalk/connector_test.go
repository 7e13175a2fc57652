package dingtalk

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/integration"
	twin "gatehouse/internal/twin/dingtalk"
)

// A department that is read afresh is as in a pull, wherever the scope begins.
func TestResourceIsAsInAPull(t *testing.T) {
	t.Parallel()
	for name, authed := range map[string][]int64{"Whole": nil, "Part": {twin.DemoPlatform, twin.DemoSalesEast}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, map[string]string{"managers": "false"})
			o.update(func(a *twin.App) { a.AuthedDepartments = authed })
			h := o.pull()
			afresh := held{}
			afresh.add(integration.Page{})
			for id := range h.Resources {
				c, err := o.source.Resource(t.Context(), id)
				o.must(err)
				afresh.add(integration.Page{Resources: []gatehouse.Resource{c.Resource}, Grants: c.Grants})
			}
			if diff := cmp.Diff(h.Resources, afresh.Resources); diff != "" {
				t.Errorf("(-pull +afresh):\n%s", diff)
			}
			if diff := cmp.Diff(h.Grants, afresh.Grants); diff != "" {
				t.Errorf("(-pull +afresh):\n%s", diff)
			}
			grants := map[string]int{}
			for id, a := range h.Accounts {
				got, all, err := o.source.Account(t.Context(), id)
				o.must(err)
				if diff := cmp.Diff(a, got); diff != "" {
					t.Errorf("%s (-pull +afresh):\n%s", id, diff)
				}
				for _, g := range all {
					grants[g.AccountID+" in "+string(g.ResourceID)] = g.Role.Level
				}
			}
			if diff := cmp.Diff(h.Grants, grants); diff != "" {
				t.Errorf("accounts' grants (-pull +afresh):\n%s", diff)
			}
		})
	}
	t.Run("OneThatIsGone", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, nil)
		if _, err := o.source.Resource(t.Context(), "department/404"); gatehouse.KindOf(err) != gatehouse.NotFound {
			t.Error(err)
		}
		if _, _, err := o.source.Account(t.Context(), "nobody"); gatehouse.KindOf(err) != gatehouse.NotFound {
			t.Error(err)
		}
		o.update(func(a *twin.App) { a.AuthedDepartments = []int64{twin.DemoOffice} })
		if _, _, err := o.source.Account(t.Context(), "lina"); gatehouse.KindOf(err) != gatehouse.Forbidden {
			t.Errorf("somebody outside of the scope: %v", err)
		}
		if _, err := o.source.Resource(t.Context(), departmentID(twin.DemoSales)); gatehouse.KindOf(err) != gatehouse.Forbidden {
			t.Errorf("a department outside of the scope: %v", err)
		}
	})
}

func TestGlanceFindsLeavers(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	first, err := o.source.Glance(t.Context(), "")
	o.must(err)
	if len(first.Notices) != 0 {
		t.Errorf("the first look found %+v", first.Notices)
	}
	o.must(o.twin.RemoveUser(twin.DemoCorpID, "bob", ""))
	second, err := o.source.Glance(t.Context(), first.Next)
	o.must(err)
	if len(second.Notices) != 1 || second.Notices[0].Subject != "bob" || second.Notices[0].Kind != gatehouse.NoticeAccount || second.Notices[0].ID == "" {
		t.Errorf("%+v", second.Notices)
	}
	o.update(func(a *twin.App) { a.AuthedDepartments = []int64{twin.DemoOffice} })
	third, err := o.source.Glance(t.Context(), second.Next)
	o.must(err)
	if len(third.Notices) == 0 || third.Notices[0].Kind != gatehouse.NoticeAll {
		t.Errorf("another contact scope: %+v", third.Notices)
	}
	o.update(func(a *twin.App) { a.Permissions = without(permLeavers) })
	o.source.client.tokens = tokens{}
	if _, err := o.source.Glance(t.Context(), third.Next); err != nil {
		t.Errorf("without the permission for leavers: %v", err)
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	t.Run("SaysWhatMayBeSeen", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, nil)
		p, err := o.source.Probe(t.Context())
		o.must(err)
		want := integration.Probe{
			Edition: "dingtalk", Actor: "青禾科技有限公司 (" + twin.DemoAppKey + ")", Admin: true,
			Scopes: []string{permDepartments, permInside, permPeople, permLeavers},
		}
		if diff := cmp.Diff(want, p); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("NamesEachPermissionThatIsMissing", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, nil)
		o.update(func(a *twin.App) { a.Permissions = []string{"qyapi_base", permInside} })
		_, err := o.source.Probe(t.Context())
		wantFact(t, err, gatehouse.FactMissingPermission, permDepartments+", "+permPeople)
		var e *gatehouse.Error
		if gatehouse.KindOf(err) != gatehouse.Forbidden || !errors.As(err, &e) || !strings.Contains(e.Facts[gatehouse.FactPermissionLink], "https://open-dev.dingtalk.com/appscope/apply") {
			t.Errorf("%v with %v", err, e)
		}
	})
	t.Run("RemarksWhatIsLessThanEverything", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, nil)
		o.update(func(a *twin.App) {
			a.Permissions, a.AuthedDepartments = []string{"qyapi_base", permDepartments, permInside, permPeople}, []int64{twin.DemoSales}
		})
		p, err := o.source.Probe(t.Context())
		o.must(err)
		if len(p.Notes) != 4 || p.Admin || p.Actor != twin.DemoAppKey {
			t.Errorf("%+v", p)
		}
	})
	for name, c := range map[string]struct {
		settings map[string]string
		change   func(*twin.App)
		kind     gatehouse.ErrorKind
	}{
		"WrongSecret":    {change: func(a *twin.App) { a.Secret = "another" }, kind: gatehouse.Unauthorized},
		"WrongCompany":   {settings: map[string]string{"corp_id": twin.DemoOtherCorpID}, kind: gatehouse.Unauthorized},
		"RightCompany":   {settings: map[string]string{"corp_id": twin.DemoCorpID}},
		"NobodyInScope":  {change: func(a *twin.App) { a.AuthedDepartments = []int64{} }, kind: gatehouse.Forbidden},
		"AddressNotInIt": {change: func(a *twin.App) { a.AllowedIPs = []string{"192.0.2.1"} }, kind: gatehouse.Forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, c.settings)
			if c.change != nil {
				o.update(c.change)
			}
			if _, err := o.source.Probe(t.Context()); gatehouse.KindOf(err) != c.kind {
				t.Errorf("%v, want %q", err, c.kind)
			}
		})
	}
}

func TestConnectorSettings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*gatehouse.Connector)
		says   string // "": it opens
	}{
		"Usual":          {func(*gatehouse.Connector) {}, ""},
		"NoApp":          {func(c *gatehouse.Connector) { delete(c.Settings, "app_id") }, "app_id"},
		"NoSecret":       {func(c *gatehouse.Connector) { c.Token = "" }, "app_secret"},
		"Company":        {func(c *gatehouse.Connector) { c.Settings["corp_id"] = "../x" }, "corp_id"},
		"Mode":           {func(c *gatehouse.Connector) { c.Settings["mode"] = "pigeon" }, "mode"},
		"Address":        {func(c *gatehouse.Connector) { c.Settings["api_url"] = "ftp://x" }, "api_url"},
		"AddressWithKey": {func(c *gatehouse.Connector) { c.Settings["oapi_url"] = "https://me:pw@x.example" }, "oapi_url"},
		"Rate":           {func(c *gatehouse.Connector) { c.Settings["qps"] = "0" }, "qps"},
		"Managers":       {func(c *gatehouse.Connector) { c.Settings["managers"] = "perhaps" }, "managers"},
		"NoToken":        {func(c *gatehouse.Connector) { c.Settings["mode"] = "callback" }, "callback_token"},
		"ShortKey": {func(c *gatehouse.Connector) {
			c.Settings["mode"], c.Secrets = "callback", map[string]string{"callback_token": "abc", "callback_aes_key": "short"}
		}, "callback_aes_key"},
		"Callback": {func(c *gatehouse.Connector) {
			c.Settings["mode"], c.Secrets = "callback", map[string]string{"callback_token": "abc", "callback_aes_key": someKey}
		}, ""},
		"Stream": {func(c *gatehouse.Connector) { c.Settings["mode"] = "stream" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connector := (&office{T: t, url: "https://api.example"}).connector(nil)
			c.change(&connector)
			got, err := Kind().OpenConnector(connector, integration.Env{HTTP: http.DefaultClient, Log: slog.New(slog.DiscardHandler)})
			if c.says == "" {
				mode := connector.Settings["mode"]
				if err != nil || (got.Feed != nil) != (mode == "stream") || (got.Receiver != nil) != (mode == "callback") {
					t.Errorf("%+v, %v", got, err)
				}
				return
			}
			if gatehouse.KindOf(err) != gatehouse.Invalid || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "pw") {
				t.Errorf("%v, want %q in it", err, c.says)
			}
		})
	}
}
