package users

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/lists"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func TestSetSignUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		u := &Users{Store: s, FileSignUp: FileSignUp{gatehouse.SignUp{Deny: []string{"evil.example"}}, []string{SignUpDeny}}}
		set := func(wanted gatehouse.SignUp) (got gatehouse.SignUp, err error) {
			err = s.Update(t.Context(), func(tx *store.Tx) error {
				got, err = u.SetSignUp(tx, operator, wanted, "")
				return err
			})
			return got, err
		}
		want := gatehouse.SignUp{Allow: []string{"*.example.com", "a@b.example"}, Deny: []string{"evil.example"}, BlockDisposable: true}
		got, err := set(gatehouse.SignUp{Allow: []string{"A@b.example", "*.Example.com"}, Deny: []string{"mine.example"}, BlockDisposable: true})
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("set (-want +got), %v:\n%s", err, diff)
		}
		if _, err := set(want); err != nil {
			t.Error(err)
		}
		if _, err := set(gatehouse.SignUp{Allow: []string{"nonsense"}}); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("nonsense: %v", err)
		}
		err = s.View(t.Context(), func(tx *store.Tx) error {
			now, err := u.SignUp(tx)
			if diff := cmp.Diff(want, now); diff != "" || err != nil {
				t.Errorf("kept (-want +got), %v:\n%s", err, diff)
			}
			page, err := tx.Events(store.EventFilter{Target: "setting/sign_up"}, store.Cursor{})
			if err != nil || len(page.Items) != 1 || page.Items[0].Details["allow_added"] != "*.example.com, a@b.example" || page.Items[0].Details["block_disposable"] != "yes" {
				t.Errorf("audit: %+v", page.Items)
			}
			// The file names nothing any more: the dashboard's own half is what it was.
			free, err := (&Users{}).SignUp(tx)
			if len(free.Deny) != 0 || !free.BlockDisposable {
				t.Errorf("without the file: %+v", free)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestOfTwoWhoChangeTheRulesTheSecondIsTold: nothing of the first is lost.
func TestOfTwoWhoChangeTheRulesTheSecondIsTold(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		u := &Users{Store: s}
		set := func(wanted gatehouse.SignUp, seen string) error {
			return s.Update(t.Context(), func(tx *store.Tx) error {
				_, err := u.SetSignUp(tx, operator, wanted, seen)
				return err
			})
		}
		both := SignUpTag(gatehouse.SignUp{})
		if err := set(gatehouse.SignUp{Deny: []string{"first.example"}}, both); err != nil {
			t.Fatal(err)
		}
		if err := set(gatehouse.SignUp{Deny: []string{"second.example"}}, both); !errors.Is(err, gatehouse.Conflict) {
			t.Errorf("the second: %v", err)
		}
		first := gatehouse.SignUp{Deny: []string{"first.example"}}
		err := s.View(t.Context(), func(tx *store.Tx) error {
			now, err := u.SignUp(tx)
			if diff := cmp.Diff(first, now); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if SignUpTag(now) == both {
				t.Error("two states have one tag")
			}
			first = now
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := set(gatehouse.SignUp{Deny: []string{"first.example", "second.example"}}, SignUpTag(first)); err != nil {
			t.Errorf("the second, who looked again: %v", err)
		}
	})
}

// TestListsHoldForNewcomersOnly: who has an account comes in whatever the lists say.
func TestListsHoldForNewcomersOnly(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s, "gitlab", gatehouse.ConnectionRules{AllowSingleSignOn: true, AutoLinkUser: true})
		before, _ := h.come(person("1", "ann", "ann@old.example", gatehouse.Verified), "")
		mine := saved(t, s, gatehouse.User{Username: "bob", Email: "bob@old.example", EmailVerified: true, State: gatehouse.UserActive})
		h.FileSignUp = FileSignUp{gatehouse.SignUp{Allow: []string{"new.example"}, BlockSubaddresses: true}, []string{SignUpAllow, SignUpSubaddresses}}
		if again, d := h.come(person("1", "ann", "ann@old.example", gatehouse.Verified), ""); again.ID != before.ID || d.Outcome != gatehouse.OutcomeSignedIn {
			t.Errorf("somebody known: %+v", d)
		}
		if linked, d := h.come(person("2", "bob", "bob@old.example", gatehouse.Verified), ""); linked.ID != mine.ID || d.Outcome != gatehouse.OutcomeLinked {
			t.Errorf("linked by address: %+v", d)
		}
		for v, want := range map[*gatehouse.Vouched]string{
			ptr(person("3", "cid", "cid@old.example", gatehouse.Verified)):     string(lists.NotAllowed),
			ptr(person("4", "dan", "dan@new.example", gatehouse.Verified)):     "allow_single_sign_on",
			ptr(person("5", "eve", "eve@new.example", "")):                     string(lists.Unverified),
			ptr(person("6", "fay", "fay+1@new.example", gatehouse.Verified)):   string(lists.Subaddress),
			ptr(person("7", "gus", "", "")):                                    string(lists.NoAddress),
			ptr(person("8", "boss", "boss@example.com", gatehouse.Verified)):   "allow_single_sign_on", // an administrator of the file
			ptr(person("9", "boss", "boss@example.com", gatehouse.Unverified)): string(lists.NotAllowed),
		} {
			if _, d := h.come(*v, ""); d.Rule != want && (v.Subject != "9" || d.Rule != "address_unverified") {
				t.Errorf("%s: %s by %s, want %s", v.Profile.Email, d.Outcome, d.Rule, want)
			}
		}
	})
}

func ptr[T any](v T) *T { return &v }

func TestMayHaveAddress(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	throwaway, err := lists.ReadDisposable(strings.NewReader("trash.example"))
	if err != nil {
		t.Fatal(err)
	}
	all := []string{SignUpAllow, SignUpDeny, SignUpSubaddresses, SignUpDisposable}
	u := &Users{Store: s, Disposable: throwaway, FileSignUp: FileSignUp{gatehouse.SignUp{Deny: []string{"evil.example"}, BlockSubaddresses: true, BlockDisposable: true}, all}}
	strict := &Users{Store: s, FileSignUp: FileSignUp{gatehouse.SignUp{Allow: []string{"corp.example"}}, all}}
	for _, tt := range []struct {
		u       *Users
		address string
		kind    gatehouse.ErrorKind
	}{
		{u, "ann@example.com", ""},
		{u, "ann@evil.example", gatehouse.Forbidden},
		{u, "ann+1@example.com", gatehouse.Forbidden},
		{u, "ann@trash.example", gatehouse.Forbidden},
		{u, "no address", gatehouse.Invalid},
		{strict, "Ann@Corp.example", ""},
		{strict, "ann@example.com", gatehouse.Forbidden},
	} {
		err := s.View(t.Context(), func(tx *store.Tx) error { return tt.u.MayHaveAddress(tx, tt.address) })
		if gatehouse.KindOf(err) != tt.kind {
			t.Errorf("%s: %v, want kind %q", tt.address, err, tt.kind)
		}
	}
}

// TestRequestAccess: who has to ask gets no account before asking, one that
// waits by asking, and the administrators are asked.
func TestRequestAccess(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s, "gitlab", gatehouse.ConnectionRules{RequestAccess: true})
		v := person("1", "ann", "ann@x.example", gatehouse.Verified)
		u, d := h.come(v, "")
		if d.Rule != "request_access" || d.Outcome != gatehouse.OutcomeRefused || u.ID != "" {
			t.Fatalf("without asking: %+v", d)
		}
		if connect, ask := Open(d); !connect || !ask {
			t.Error("nothing is left to do")
		}
		ask := func(v gatehouse.Vouched) (u gatehouse.User, d gatehouse.Decision) {
			h.update(func(tx *store.Tx) (err error) {
				u, d, err = h.Ensure(tx, h.c, v, EnsureOptions{Ask: true, Message: "I am new"})
				return err
			})
			return u, d
		}
		u, d = ask(v)
		if d.Rule != "request_access" || d.Outcome != gatehouse.OutcomePending || u.State != gatehouse.UserPending || h.approval(u.ID).Message != "I am new" {
			t.Errorf("asked: %+v, %+v", d, h.approval(u.ID))
		}
		if again, d := h.come(v, ""); again.ID != u.ID || d.Outcome != gatehouse.OutcomePending {
			t.Errorf("comes again: %+v", d)
		}
		if boss, d := ask(person("2", "boss", "boss@example.com", gatehouse.Verified)); d.Rule != "admins" || boss.State != gatehouse.UserActive {
			t.Errorf("an administrator of the file: %+v", d)
		}
	})
}

func TestDeniedIsToldWhy(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	h := newHouse(t, s, "gitlab", waiting)
	boss := admin(t, s, "boss", false)
	for subject, reason := range map[string]string{"1": "Not of us", "2": ""} {
		v := person(subject, "ann", "", "")
		u, _ := h.come(v, "")
		h.update(func(tx *store.Tx) error { return h.Deny(tx, boss, u.ID, Answer{Reason: reason}) })
		_, d := h.come(v, "")
		told := len(d.Args) == 2 && d.Args[1] == "Not of us" && strings.Count(d.Reason, "%s") == 2
		if d.Rule != "denied" || d.Outcome != gatehouse.OutcomeRefused || told != (reason != "") {
			t.Errorf("reason %q: %+v", reason, d)
		}
	}
	blocked, _ := h.come(person("3", "eve", "", ""), "")
	h.update(func(tx *store.Tx) error { return h.Block(tx, boss, blocked.ID) })
	if _, d := h.come(person("3", "eve", "", ""), ""); d.Outcome != gatehouse.OutcomeRefused || d.Rule != "blocked" && d.Rule != "denied" {
		t.Errorf("blocked: %+v", d)
	}
}
