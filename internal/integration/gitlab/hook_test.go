package gitlab_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/gitlab"
	twin "gatehouse/internal/twin/gitlab"
)

const (
	hookToken = "a-secret-token-of-a-hook"
	signing   = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
)

func receiver(t *testing.T, secret string, clock gatehouse.Clock) integration.Receiver {
	t.Helper()
	e := env(t)
	e.Clock = clock
	c, err := gitlab.Kind().OpenConnector(gatehouse.Connector{URL: "https://gitlab.example", Token: "x", HookSecret: secret}, e)
	if err != nil {
		t.Fatal(err)
	}
	return c.Receiver
}

func delivery(body string, header map[string]string) integration.Delivery {
	d := integration.Delivery{Header: http.Header{}, Body: []byte(body), Method: http.MethodPost}
	for k, v := range header {
		d.Header.Set(k, v)
	}
	return d
}

// TestReceiveTellsWhatIsToBeReadAgain: traps 44 and 45.
func TestReceiveTellsWhatIsToBeReadAgain(t *testing.T) {
	t.Parallel()
	r := receiver(t, hookToken, nil)
	account := func(event string) []gatehouse.Notice {
		return []gatehouse.Notice{{ID: "key", Kind: gatehouse.NoticeAccount, Subject: "42", Event: event}}
	}
	resource := func(subject, event string) []gatehouse.Notice {
		return []gatehouse.Notice{{ID: "key", Kind: gatehouse.NoticeResource, Subject: subject, Event: event}}
	}
	tests := map[string]struct {
		body string
		want []gatehouse.Notice
	}{
		"UserCreated":           {`{"event_name":"user_create","user_id":42,"username":"alice"}`, account("user_create")},
		"UserDestroyed":         {`{"event_name":"user_destroy","user_id":42}`, account("user_destroy")},
		"UserRenamed":           {`{"event_name":"user_rename","user_id":42,"old_username":"a"}`, account("user_rename")},
		"BlockedUserTriedToCom": {`{"event_name":"user_failed_login","user_id":42,"state":"blocked"}`, account("user_failed_login")},
		"MemberOfGroup":         {`{"event_name":"user_add_to_group","user_id":42,"group_id":7,"group_access":"Maintainer"}`, resource("group/7", "user_add_to_group")},
		"MemberOfGroupChanged":  {`{"event_name":"user_update_for_group","user_id":42,"group_id":7}`, resource("group/7", "user_update_for_group")},
		"MemberOfProject":       {`{"event_name":"user_remove_from_team","user_id":42,"project_id":5}`, resource("project/5", "user_remove_from_team")},
		"Group":                 {`{"event_name":"group_rename","group_id":7}`, resource("group/7", "group_rename")},
		"Subgroup":              {`{"event_name":"subgroup_create","group_id":8,"parent_group_id":7}`, resource("group/8", "subgroup_create")},
		"Project":               {`{"event_name":"project_transfer","project_id":5}`, resource("project/5", "project_transfer")},
		"KindInPlaceOfName":     {`{"object_kind":"project_destroy","project_id":5}`, resource("project/5", "project_destroy")},
		"RequestForAccess":      {`{"event_name":"user_access_request_to_group","user_id":42,"group_id":7}`, nil},
		"Push":                  {`{"object_kind":"push","event_name":"push","user_id":42,"project_id":5}`, nil},
		"WithoutAnID":           {`{"event_name":"user_create","user_id":0}`, nil},
		"Nothing":               {`{}`, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, got, err := r.Receive(t.Context(), delivery(tt.body, map[string]string{"X-Gitlab-Token": hookToken, "Idempotency-Key": "key"}))
			if diff := gocmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

func TestReceiveChecksTheSecret(t *testing.T) {
	t.Parallel()
	const body = `{"event_name":"user_create","user_id":42}`
	noon := time.Unix(1_800_000_000, 0)
	sign := func(at time.Time, id, body string) map[string]string {
		mac := hmac.New(sha256.New, []byte("0123456789abcdef0123456789abcdef"))
		fmt.Fprintf(mac, "%s.%d.%s", id, at.Unix(), body)
		return map[string]string{
			"webhook-id": id, "webhook-timestamp": fmt.Sprint(at.Unix()),
			"webhook-signature": "v1,b3RoZXI= v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)),
		}
	}
	without := func(h map[string]string, key, value string) map[string]string {
		h = maps.Clone(h)
		h[key] = value
		return h
	}
	good := sign(noon, "id", body)
	tests := map[string]struct {
		secret string
		header map[string]string
		body   string
		kind   gatehouse.ErrorKind
		id     string
	}{
		"Token":              {hookToken, map[string]string{"X-Gitlab-Token": hookToken, "Idempotency-Key": "k"}, body, "", "k"},
		"TokenOfOldVersions": {hookToken, map[string]string{"X-Gitlab-Token": hookToken, "X-Gitlab-Event-UUID": "u"}, body, "", "u/21c27890e77384bf"},
		"NoToken":            {hookToken, nil, body, gatehouse.Unauthorized, ""},
		"WrongToken":         {hookToken, map[string]string{"X-Gitlab-Token": hookToken + "x"}, body, gatehouse.Unauthorized, ""},
		"NoJSON":             {hookToken, map[string]string{"X-Gitlab-Token": hookToken}, "event", gatehouse.Invalid, ""},
		"OtherShape":         {hookToken, map[string]string{"X-Gitlab-Token": hookToken}, `{"user_id":"42"}`, gatehouse.Invalid, ""},
		"Signature":          {signing, good, body, "", "id"},
		"SignedAlittleLater": {signing, sign(noon.Add(-4*time.Minute), "id", body), body, "", "id"},
		"SignedLongAgo":      {signing, sign(noon.Add(-6*time.Minute), "id", body), body, gatehouse.Expired, ""},
		"SignedInTheFuture":  {signing, sign(noon.Add(6*time.Minute), "id", body), body, gatehouse.Expired, ""},
		"OtherBody":          {signing, good, body + " ", gatehouse.Unauthorized, ""},
		"OtherID":            {signing, without(good, "webhook-id", "other"), body, gatehouse.Unauthorized, ""},
		"OtherTime":          {signing, without(good, "webhook-timestamp", fmt.Sprint(noon.Unix()+1)), body, gatehouse.Unauthorized, ""},
		"NoSignature":        {signing, without(good, "webhook-signature", ""), body, gatehouse.Unauthorized, ""},
		"OtherScheme":        {signing, without(good, "webhook-signature", "v1a"+good["webhook-signature"][14:]), body, gatehouse.Unauthorized, ""},
		"TokenIsNoSignature": {signing, map[string]string{"X-Gitlab-Token": signing}, body, gatehouse.Unauthorized, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, notices, err := receiver(t, tt.secret, func() time.Time { return noon }).Receive(t.Context(), delivery(tt.body, tt.header))
			if gatehouse.KindOf(err) != tt.kind {
				t.Fatalf("error %v, want %q", err, tt.kind)
			}
			if err == nil && (len(notices) != 1 || notices[0].ID != tt.id) {
				t.Errorf("notices %+v, want the id %q", notices, tt.id)
			}
		})
	}
	t.Run("HalfASigningTokenIsRefused", func(t *testing.T) {
		t.Parallel()
		_, err := gitlab.Kind().OpenConnector(gatehouse.Connector{URL: "https://gitlab.example", Token: "x", HookSecret: "whsec_abc"}, env(t))
		if gatehouse.KindOf(err) != gatehouse.Invalid {
			t.Errorf("got %v", err)
		}
	})
	t.Run("WithoutASecretNothingIsReceived", func(t *testing.T) {
		t.Parallel()
		if r := receiver(t, "", nil); r != nil {
			t.Errorf("got %v", r)
		}
	})
}

// TestResourceTellsWhatAPullTells of each group and project: else a hook would
// write history of things that did not change.
func TestResourceTellsWhatAPullTells(t *testing.T) {
	t.Parallel()
	for _, edition := range []string{twin.EE, twin.CE} {
		t.Run(edition, func(t *testing.T) {
			t.Parallel()
			g := start(t, twin.DemoWorld(), twin.Config{Edition: edition})
			source := g.source(t, rootToken)
			want := mustPull(t, source)
			got := newFound()
			for id := range want.Resources {
				c, err := source.(integration.Resources).Resource(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				got.add(integration.Page{Resources: []gatehouse.Resource{c.Resource}, Grants: c.Grants, Shares: c.Shares})
			}
			want.Accounts, want.Notes, want.Requests = got.Accounts, nil, 0
			if edition == twin.CE { // the demo's Minimal Access, which the Community Edition does not have
				maps.DeleteFunc(got.Grants, func(_ string, g gatehouse.Grant) bool { return g.Role.Level == 5 })
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			for _, none := range []gatehouse.ResourceID{"group/99999", "project/99999", "group/x", "galaxy/1", "group/", "", "group/-1"} {
				if _, err := source.(integration.Resources).Resource(t.Context(), none); gatehouse.KindOf(err) != gatehouse.NotFound {
					t.Errorf("%q: %v", none, err)
				}
			}
		})
	}
}
