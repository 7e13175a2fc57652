package dingtalk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/integration"
	twin "gatehouse/internal/twin/dingtalk"
)

// office is a twin with a source that reads its directory.
type office struct {
	*testing.T
	twin   *twin.Twin
	url    string
	source *Source
}

// newOffice opens a connector over a twin of the demo company. Nothing waits.
func newOffice(t *testing.T, settings map[string]string) *office {
	t.Helper()
	o := &office{T: t}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { o.twin.ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	var err error
	if o.twin, err = twin.New(twin.Config{URL: srv.URL, Redeliver: 20 * time.Millisecond, Again: []time.Duration{}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.twin.Close() })
	if err := o.twin.AddApp(twin.DemoApp(callback)); err != nil {
		t.Fatal(err)
	}
	o.url = srv.URL
	o.source = o.open(srv.Client(), settings)
	return o
}

func (o *office) connector(settings map[string]string) gatehouse.Connector {
	all := map[string]string{"app_id": twin.DemoAppKey, "api_url": o.url, "oapi_url": o.url + "/"}
	for k, v := range settings {
		all[k] = v
	}
	return gatehouse.Connector{Name: "DingTalk", Key: "dingtalk", Kind: "dingtalk", Token: twin.DemoAppSecret, Settings: all}
}

func (o *office) open(c *http.Client, settings map[string]string) *Source {
	o.Helper()
	got, err := Kind().OpenConnector(o.connector(settings), integration.Env{HTTP: c, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		o.Fatal(err)
	}
	s := got.Source.(*Source)
	s.pace.sleep = func(ctx context.Context, _ time.Duration) error {
		return ctx.Err()
	}
	return s
}

func (o *office) update(fn func(*twin.App)) {
	o.Helper()
	if err := o.twin.UpdateApp(twin.DemoAppKey, fn); err != nil {
		o.Fatal(err)
	}
}

func (o *office) must(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

// state is what a pull saw, each thing once.
type held struct {
	Accounts  map[string]gatehouse.Account
	Resources map[gatehouse.ResourceID]gatehouse.Resource
	Grants    map[string]int // level by account and department
	Notes     []string
	Pages     int
}

func (h *held) add(p integration.Page) {
	if h.Accounts == nil {
		h.Accounts, h.Resources, h.Grants = map[string]gatehouse.Account{}, map[gatehouse.ResourceID]gatehouse.Resource{}, map[string]int{}
	}
	for _, a := range p.Accounts {
		h.Accounts[a.ID] = a
	}
	for _, r := range p.Resources {
		h.Resources[r.ID] = r
	}
	for _, g := range p.Grants {
		h.Grants[g.AccountID+" in "+string(g.ResourceID)] = g.Role.Level
	}
	for _, n := range p.Notes {
		h.Notes = append(h.Notes, n.Sentence())
	}
	h.Pages++
}

// pull reads everything.
func (o *office) pull() held {
	o.Helper()
	h, err := o.tryPull(context.Background(), "")
	if err != nil {
		o.Fatal(err)
	}
	return h
}

func (o *office) tryPull(ctx context.Context, from integration.Checkpoint) (held, error) {
	var h held
	for page, err := range o.source.Pull(ctx, from) {
		if err != nil {
			return h, err
		}
		h.add(page)
	}
	return h, nil
}

// truth is the twin's own directory in the words of a pull.
func (o *office) truth() (accounts []string, grants map[string]int) {
	grants = map[string]int{}
	c := o.twin.World().Companies[0]
	for _, m := range c.Members {
		if m.External {
			continue
		}
		accounts = append(accounts, m.UserID)
		for _, d := range m.DepartmentIDs {
			grants[fmt.Sprintf("%s in department/%d", m.UserID, d)] = levelMember
			if slices.Contains(m.Leads, d) {
				grants[fmt.Sprintf("%s in department/%d", m.UserID, d)] = levelManager
			}
		}
	}
	for _, d := range c.Departments {
		for _, id := range d.Managers {
			grants[fmt.Sprintf("%s in department/%d", id, d.ID)] = levelManager
		}
	}
	slices.Sort(accounts)
	return accounts, grants
}

func (o *office) wantTruth(h held) {
	o.Helper()
	accounts, grants := o.truth()
	if diff := cmp.Diff(accounts, slices.Sorted(keysOf(h.Accounts))); diff != "" {
		o.Errorf("accounts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(grants, h.Grants); diff != "" {
		o.Errorf("grants (-want +got):\n%s", diff)
	}
	if n := len(o.twin.World().Companies[0].Departments); len(h.Resources) != n {
		o.Errorf("%d departments, want %d", len(h.Resources), n)
	}
}

func keysOf[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func TestPullReadsTheWholeDirectory(t *testing.T) {
	t.Parallel()
	o := newOffice(t, map[string]string{"email_verified": "true"})
	h := o.pull()
	o.wantTruth(h)
	want := gatehouse.Account{
		ID: "lina", Username: "lina", Name: "李娜", Email: "li.na@example.com", EmailVerified: true, Type: gatehouse.AccountPerson, State: "active",
		Title: "高级工程师", JobNumber: "QH0011",
		Phone: h.Accounts["lina"].Phone, ManagerID: "liuyang", HiredAt: h.Accounts["lina"].HiredAt,
		Identities: []gatehouse.AccountIdentity{{Provider: "dingtalk", Subject: twin.DemoUnionID("lina")}},
	}
	if diff := cmp.Diff(want, h.Accounts["lina"]); diff != "" {
		t.Errorf("lina (-want +got):\n%s", diff)
	}
	if a := h.Accounts["lina"]; !strings.HasPrefix(a.Phone, "+86188") || a.HiredAt.Year() < 2017 {
		t.Errorf("phone %q, hired %s", a.Phone, a.HiredAt)
	}
	if a := h.Accounts["sunli"]; a.State != "not_activated" {
		t.Errorf("who never activated DingTalk is %q", a.State)
	}
	if a := h.Accounts["01560823457823"]; a.Email != "wu.hao@example.com" || a.EmailVerified {
		t.Errorf("an address that is not the company's mailbox: %q, verified %v", a.Email, a.EmailVerified)
	}
	if a := h.Accounts["david"]; a.Phone != "+14155550136" {
		t.Errorf("phone %q", a.Phone)
	}
	wantDepartment := gatehouse.Resource{
		ID: departmentID(twin.DemoIdentity), Kind: gatehouse.ResourceDepartment, Parent: departmentID(twin.DemoPlatform),
		Name: "身份小组", Path: "研发中心/平台组/身份小组",
	}
	if diff := cmp.Diff(wantDepartment, h.Resources[wantDepartment.ID]); diff != "" {
		t.Errorf("department (-want +got):\n%s", diff)
	}
	if root := h.Resources["department/1"]; root.Path != "青禾科技有限公司" || root.Parent != "" {
		t.Errorf("the company %+v", root)
	}
}

func TestPullWithoutManagersAsksNobodysRecord(t *testing.T) {
	t.Parallel()
	o := newOffice(t, map[string]string{"managers": "false"})
	h := o.pull()
	o.wantTruth(h)
	if n := o.twin.Requests()[pathPerson]; n != 0 || h.Accounts["lina"].ManagerID != "" || h.Accounts["lina"].Title != "高级工程师" {
		t.Errorf("%d records were asked for; %+v", n, h.Accounts["lina"])
	}
}

func TestPullSaysOnlyWhatTheAppMaySee(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	o.update(func(a *twin.App) {
		a.Permissions = slices.DeleteFunc(twin.AllPermissions(), func(p string) bool { return strings.HasPrefix(p, "field") })
	})
	h := o.pull()
	for _, a := range h.Accounts {
		if a.Phone != "" || a.Email != "" {
			t.Errorf("%s has %q and %q", a.ID, a.Phone, a.Email)
		}
	}
	if len(h.Notes) != 2 || !strings.Contains(h.Notes[0], "fieldMobile") || !strings.Contains(h.Notes[1], "fieldEmail") {
		t.Errorf("notes %q", h.Notes)
	}
}

func TestPullOfManyPeopleInOneDepartment(t *testing.T) {
	t.Parallel()
	o := newOffice(t, map[string]string{"managers": "false"})
	for i := range 250 {
		id := fmt.Sprintf("new%03d", i)
		o.must(o.twin.AddUser(twin.DemoCorpID, twin.Member{UserID: id, UnionID: "union-" + id, Name: id, DepartmentIDs: []int64{twin.DemoSales}}))
	}
	h := o.pull()
	o.wantTruth(h)
}

// A process is killed after each page; the next one goes on, and in the end
// everything is there and nobody was asked for twice but in the page that was lost.
func TestPullGoesOnFromEachCheckpoint(t *testing.T) {
	t.Parallel()
	o := newOffice(t, map[string]string{"managers": "false"})
	for i := range 150 {
		id := fmt.Sprintf("new%03d", i)
		o.must(o.twin.AddUser(twin.DemoCorpID, twin.Member{UserID: id, UnionID: "union-" + id, Name: id, DepartmentIDs: []int64{twin.DemoSales}}))
	}
	whole := o.pull()
	lists := o.twin.Requests()[pathInside]
	var h held
	from := integration.Checkpoint("")
	for rounds := 0; ; rounds++ {
		if rounds > 50 {
			t.Fatal("it does not end")
		}
		ended := true
		for page, err := range o.source.Pull(t.Context(), from) {
			o.must(err)
			h.add(page)
			from, ended = page.Next, false
			break // killed
		}
		if ended {
			break
		}
	}
	if diff := cmp.Diff(whole, h); diff != "" {
		t.Errorf("(-whole +in pieces):\n%s", diff)
	}
	if again := o.twin.Requests()[pathInside] - lists; again != lists {
		t.Errorf("%d lists were read, want %d", again, lists)
	}
	if _, err := o.tryPull(t.Context(), `{"v":99}`); gatehouse.KindOf(err) != gatehouse.Invalid {
		t.Errorf("a checkpoint of another version: %v", err)
	}
}

func TestPullOutlastsFaults(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, f := range map[string]twin.Fault{
		"TooManyCallsOfThisApp": {Prefix: pathInside, Status: 200, Body: twin.Throttled(pathInside).Body, After: 2, Times: 3},
		"TooManyCallsOfAllApps": {Prefix: pathChildren, Status: 200, Body: twin.Crowded(pathChildren, now, now).Body, Times: 2},
		"Busy":                  {Prefix: pathDepartment, Status: 200, Body: twin.Busy(pathDepartment).Body, After: 1, Times: 2},
		"BadGateway":            {Prefix: pathPerson, Status: 502, Body: "<html>", After: 3, Times: 2},
		"Truncated":             {Prefix: pathInside, Truncate: true, After: 1, Times: 2},
		"Reset":                 {Prefix: pathDepartment, Reset: true, After: 2, Times: 2},
		"ATokenThatExpired":     {Prefix: pathPerson, Status: 200, Body: `{"errcode":88,"sub_code":"42001","sub_msg":"access_token已过期","errmsg":"x"}`, After: 5, Times: 1},
		"AWebPage":              {Prefix: pathChildren, Status: 200, Body: "<!DOCTYPE html><html></html>", Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, nil)
			o.twin.SetFaults(twin.Faults{List: []twin.Fault{f}})
			o.wantTruth(o.pull())
		})
	}
}

func TestPullEndsWithAReasonWhenItCannotGoOn(t *testing.T) {
	t.Parallel()
	always := func(f twin.Fault) twin.Fault { f.Times = 0; return f }
	for name, c := range map[string]struct {
		fault twin.Fault
		kind  gatehouse.ErrorKind
		says  string
	}{
		"ThrottledForEver": {always(twin.Throttled(pathInside)), gatehouse.Limited, "qps"},
		"Blocked":          {twin.Fault{Prefix: pathInside, Status: 200, Body: twin.BlockedWait().Body}, gatehouse.Limited, "shut out"},
		"TruncatedAlways":  {twin.Fault{Prefix: pathChildren, Truncate: true}, gatehouse.Upstream, "read"},
		"NoPermission":     {twin.Fault{Prefix: pathChildren, Status: 200, Body: `{"errcode":88,"sub_code":"60011","sub_msg":"应用尚未开通所需的权限：[qyapi_get_department_list]，点击链接","errmsg":"x"}`}, gatehouse.Forbidden, "qyapi_get_department_list"},
		"AnotherPerson":    {twin.Fault{Prefix: pathPerson, Status: 200, Body: `{"errcode":0,"result":{"userid":"x"}}`}, gatehouse.Upstream, "read"},
		"AListThatTurns":   {twin.Fault{Prefix: pathInside, Status: 200, Body: `{"errcode":0,"result":{"has_more":true,"next_cursor":0,"list":[]}}`}, gatehouse.Upstream, "read"},
		"MonthlyQuota":     {twin.Fault{Prefix: pathInside, Status: 200, Body: `{"errcode":88,"sub_code":"90020","sub_msg":"x","errmsg":"x"}`}, gatehouse.Limited, "month"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, nil)
			o.twin.SetFaults(twin.Faults{List: []twin.Fault{c.fault}})
			_, err := o.tryPull(t.Context(), "")
			var e *gatehouse.Error
			if gatehouse.KindOf(err) != c.kind || !errors.As(err, &e) || !strings.Contains(e.Sentence(), c.says) {
				t.Errorf("%v, want %s with %q", err, c.kind, c.says)
			}
		})
	}
}

func TestPullOfAPartOfTheCompany(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	o.update(func(a *twin.App) {
		// Identity lies in Platform: it is read once.
		a.AuthedDepartments, a.AuthedUsers = []int64{twin.DemoPlatform, twin.DemoIdentity, twin.DemoSalesEast}, []string{"carol", "lina"}
	})
	h := o.pull()
	var paths []string
	for _, r := range h.Resources {
		paths = append(paths, string(r.Parent)+" "+r.Path)
	}
	slices.Sort(paths)
	if diff := cmp.Diff([]string{" 华东区", " 平台组", string(departmentID(twin.DemoPlatform)) + " 平台组/身份小组"}, paths); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, ok := h.Accounts["carol"]; !ok {
		t.Error("a single person of the scope is missing")
	}
	if _, ok := h.Accounts["alice"]; ok {
		t.Error("somebody outside of the scope is there")
	}
	if len(h.Notes) != 1 || !strings.Contains(h.Notes[0], "did not") && !strings.Contains(h.Notes[0], "does not mean that they left") {
		t.Errorf("notes %q", h.Notes)
	}
}

func TestPullBeginsAnewWhenTheScopeIsAnother(t *testing.T) {
	t.Parallel()
	o := newOffice(t, map[string]string{"managers": "false"})
	var from integration.Checkpoint
	n := 0
	for page, err := range o.source.Pull(t.Context(), "") {
		o.must(err)
		if from = page.Next; n == 1 {
			break
		}
		n++
	}
	o.update(func(a *twin.App) { a.AuthedDepartments = []int64{twin.DemoSales} })
	h, err := o.tryPull(t.Context(), from)
	o.must(err)
	if len(h.Resources) != 2 {
		t.Errorf("departments %v", h.Resources)
	}
	changed := false
	for _, err := range o.source.Pull(t.Context(), "") {
		if err != nil {
			if gatehouse.KindOf(err) != gatehouse.Unavailable {
				t.Errorf("changed on the way: %v", err)
			}
			break
		}
		if !changed {
			changed = true
			o.update(func(a *twin.App) { a.AuthedDepartments = []int64{twin.DemoSales, twin.DemoOffice} })
		}
	}
}
