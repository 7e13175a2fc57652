package hooks_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/integration/dingtalk"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	dingtalktwin "gatehouse/internal/twin/dingtalk"
)

// told says what became of each delivery.
type told chan string

func (told) Count(string, ...string) {}

func (t told) Observe(name string, _ time.Duration, labels ...string) {
	if name == "hook" {
		t <- strings.Join(labels, " ")
	}
}

// DingTalk saves the address of a connector that takes its callbacks, and what
// happens in the company is kept.
func TestCallbacksOfDingTalk(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s, dingtalk.Kind())
		outcomes := make(told, 10)
		h.hooks.Metrics = outcomes
		var company *dingtalktwin.Twin
		theirs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { company.ServeHTTP(w, r) }))
		t.Cleanup(theirs.Close)
		company, err := dingtalktwin.New(dingtalktwin.Config{URL: theirs.URL, Again: []time.Duration{}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = company.Close() })
		if err := company.AddApp(dingtalktwin.DemoApp("http://hub.test/cb")); err != nil {
			t.Fatal(err)
		}
		at := dingtalktwin.Callback{URL: h.server.URL + "/hooks/directory", Token: "123456", Key: strings.Repeat("Ab1", 14) + "E"}
		c := gatehouse.Connector{
			Key: "directory", Name: "DingTalk", Kind: "dingtalk", Token: dingtalktwin.DemoAppSecret, Enabled: true,
			Status: gatehouse.ConnectorPaused, Managed: gatehouse.ManagedByDashboard,
			Settings: map[string]string{"app_id": dingtalktwin.DemoAppKey, "api_url": theirs.URL, "oapi_url": theirs.URL, "mode": "callback"},
			Secrets:  map[string]string{"callback_token": at.Token, "callback_aes_key": at.Key},
		}
		h.update(func(tx *store.Tx) error { return tx.SaveConnector(&c) })
		if err := company.Subscribe(t.Context(), dingtalktwin.DemoAppKey, at); err != nil {
			t.Fatal(err)
		}
		if got := <-outcomes; got != "outcome kept" {
			t.Errorf("the check of the address: %s", got)
		}
		other := at
		other.Token = "another"
		if err := company.Subscribe(t.Context(), dingtalktwin.DemoAppKey, other); err == nil {
			t.Error("an address was saved whose token is another")
		}
		if got := <-outcomes; got != "outcome unauthorized" {
			t.Errorf("a callback with another token: %s", got)
		}
		if err := company.RemoveUser(dingtalktwin.DemoCorpID, "bob", ""); err != nil {
			t.Fatal(err)
		}
		if got := <-outcomes; got != "outcome kept" {
			t.Errorf("a leaver: %s", got)
		}
		h.update(func(tx *store.Tx) error {
			n, err := tx.News(c.ID)
			if diff := cmp.Diff([]any{int64(1), "user_leave_org", gatehouse.NoticeHook}, []any{n.Received, n.LastEvent, n.LastSource}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			return err
		})
	})
}
