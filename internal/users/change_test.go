package users

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

var operator = gatehouse.Actor{Kind: gatehouse.ActorUser, ID: "operator", Name: "op"}

func saved(t *testing.T, s *store.Store, u gatehouse.User) gatehouse.User {
	t.Helper()
	if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.SaveUser(&u) }); err != nil {
		t.Fatal(err)
	}
	return u
}

func TestChangeOfState(t *testing.T) {
	t.Parallel()
	type change func(*Users, *store.Tx, gatehouse.Actor, string) error
	block, unblock := (*Users).Block, (*Users).Unblock
	approve := func(u *Users, tx *store.Tx, by gatehouse.Actor, id string) error {
		return u.Approve(tx, by, id, Answer{})
	}
	deny := func(u *Users, tx *store.Tx, by gatehouse.Actor, id string) error { return u.Deny(tx, by, id, Answer{}) }
	tests := map[string]struct {
		from   gatehouse.UserState
		change change
		to     gatehouse.UserState
		kind   gatehouse.ErrorKind
	}{
		"BlockActive":           {"active", block, "blocked", ""},
		"BlockPending":          {"pending", block, "blocked", ""},
		"BlockBlocked":          {"blocked", block, "blocked", ""},
		"BlockLeft":             {"left", block, "left", gatehouse.Conflict},
		"UnblockBlocked":        {"blocked", unblock, "active", ""},
		"UnblockActive":         {"active", unblock, "active", ""},
		"UnblockDoesNotApprove": {"pending", unblock, "pending", gatehouse.Conflict},
		"UnblockLeft":           {"left", unblock, "left", gatehouse.Conflict},
		"ApprovePending":        {"pending", approve, "active", ""},
		"ApproveActive":         {"active", approve, "active", gatehouse.Conflict},
		"ApproveDoesNotUnblock": {"blocked", approve, "blocked", gatehouse.Conflict},
		"ApproveLeft":           {"left", approve, "left", gatehouse.Conflict},
		"DenyPending":           {"pending", deny, "blocked", ""},
		"DenyActive":            {"active", deny, "active", gatehouse.Conflict},
		"DenyBlocked":           {"blocked", deny, "blocked", gatehouse.Conflict},
		"DenyLeft":              {"left", deny, "left", gatehouse.Conflict},
	}
	s := storetest.Open(t)
	u := &Users{Store: s}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			who := saved(t, s, gatehouse.User{Username: "user-" + name, State: tt.from})
			err := s.Update(t.Context(), func(tx *store.Tx) error { return tt.change(u, tx, operator, who.ID) })
			if gatehouse.KindOf(err) != tt.kind {
				t.Errorf("error %v, want kind %q", err, tt.kind)
			}
			h := &house{u, t, gatehouse.Connection{}}
			if got := h.stored(who.ID).State; got != tt.to {
				t.Errorf("state %s, want %s", got, tt.to)
			}
			if n := len(h.actions(who.ID)); (n == 1) != (tt.from != tt.to) {
				t.Errorf("%d audit events for %s to %s", n, tt.from, tt.to)
			}
			err = s.Update(t.Context(), func(tx *store.Tx) error { return tt.change(u, tx, operator, store.NewID()) })
			if !errors.Is(err, gatehouse.NotFound) {
				t.Errorf("unknown user: %v, want NotFound", err)
			}
		})
	}
}

// TestBlock/T13: what a blocked user had ends in the same transaction.
func TestBlock(t *testing.T) {
	t.Parallel()
	t.Run("T13 SessionsAndTokensEnd", func(t *testing.T) {
		t.Parallel()
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			u := &Users{Store: s}
			who := saved(t, s, gatehouse.User{Username: "alice", State: "active"})
			hash := []byte("0123456789abcdef0123456789abcdef")
			later := time.Now().Add(time.Hour)
			err := s.Update(t.Context(), func(tx *store.Tx) error {
				c := gatehouse.Client{ID: "app", Name: "App", Enabled: true}
				return errors.Join(
					tx.SaveClient(&c),
					tx.SaveSession(&gatehouse.Session{TokenHash: hash, UserID: who.ID, ExpiresAt: later}),
					tx.SaveTokens(&gatehouse.Token{
						Hash: hash, Kind: gatehouse.AccessToken, Family: "f", ExpiresAt: later,
						Grant: gatehouse.Grantable{ClientID: "app", UserID: who.ID},
					}),
					tx.AddPersonalToken(&gatehouse.PersonalToken{UserID: who.ID, Name: "script", Hash: hash, Scopes: []string{"api"}, ExpiresAt: later}))
			})
			if err != nil {
				t.Fatal(err)
			}
			err = s.Update(t.Context(), func(tx *store.Tx) error {
				if _, _, err := tx.LiveToken(hash); err != nil {
					t.Fatalf("before: %v", err)
				}
				if err := u.Block(tx, operator, who.ID); err != nil {
					return err
				}
				if _, _, err := tx.LiveToken(hash); !errors.Is(err, gatehouse.NotFound) {
					t.Errorf("the token lives: %v", err)
				}
				if _, _, err := tx.SessionByToken(hash); !errors.Is(err, gatehouse.NotFound) {
					t.Errorf("the session lives: %v", err)
				}
				if own, err := tx.PersonalTokens(who.ID); err != nil || len(own) != 0 {
					t.Errorf("a token that the user made lives: %+v, %v", own, err)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("NobodyBlocksHimself", func(t *testing.T) {
		t.Parallel()
		s := storetest.Open(t)
		who := saved(t, s, gatehouse.User{Username: "alice", State: "active"})
		err := s.Update(t.Context(), func(tx *store.Tx) error {
			return (&Users{}).Block(tx, gatehouse.Actor{Kind: gatehouse.ActorUser, ID: who.ID}, who.ID)
		})
		if !errors.Is(err, gatehouse.Forbidden) {
			t.Errorf("got %v, want Forbidden", err)
		}
	})
	t.Run("TheLastAdministratorStays", func(t *testing.T) {
		t.Parallel()
		s := storetest.Open(t)
		u := &Users{Store: s}
		first := saved(t, s, gatehouse.User{Username: "one", State: "active", Role: gatehouse.RoleSuperAdministrator})
		second := saved(t, s, gatehouse.User{Username: "two", State: "active"})
		block := func(id string) error {
			return s.Update(t.Context(), func(tx *store.Tx) error { return u.Block(tx, operator, id) })
		}
		if err := block(first.ID); !errors.Is(err, gatehouse.Conflict) {
			t.Errorf("the only one: %v, want Conflict", err)
		}
		if err := s.Update(t.Context(), func(tx *store.Tx) error { return u.MakeAdmin(tx, operator, second.ID) }); err != nil {
			t.Fatal(err)
		}
		if err := block(first.ID); err != nil {
			t.Errorf("one of two: %v", err)
		}
		if err := s.Update(t.Context(), func(tx *store.Tx) error { return u.MakeAdmin(tx, operator, first.ID) }); !errors.Is(err, gatehouse.Conflict) {
			t.Errorf("a blocked user became administrator: %v", err)
		}
	})
}

func TestMake(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	u := &Users{Store: s}
	var names []string
	for _, n := range []New{{Username: "admin", Name: "Admin\u202e", Role: gatehouse.RoleSuperAdministrator}, {Username: "Admin"}, {Username: "张三"}, {Username: "★★"}} {
		err := s.Update(t.Context(), func(tx *store.Tx) error {
			made, err := u.Make(tx, operator, n)
			names = append(names, made.Username+"/"+made.Name+"/"+string(made.Role)+"/"+string(gatehouse.KindOf(err)))
			return err
		})
		if err != nil && !errors.Is(err, gatehouse.Invalid) {
			t.Fatal(err)
		}
	}
	want := []string{"admin/Admin/super_administrator/", "admin1/admin1//", "zhangsan/zhangsan//", "///invalid"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
}

func TestStranded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s, "gitlab", creating)
		check := func(when string, want bool, local string) {
			t.Helper()
			h.update(func(tx *store.Tx) error {
				stranded, who, err := h.Stranded(tx)
				if stranded != want || who.ID != local {
					t.Errorf("%s: stranded %t with %q, want %t with %q", when, stranded, who.ID, want, local)
				}
				return err
			})
		}
		check("nobody is there", true, "")
		plain, _ := h.come(person("1", "alice", "", ""), "")
		check("no administrator", true, "")
		admin := saved(t, s, gatehouse.User{Username: "admin", State: "active", Role: gatehouse.RoleSuperAdministrator})
		check("an administrator without a way in", true, admin.ID)
		h.come(person("2", "admin", "", ""), admin.ID)
		check("an administrator with an identity", false, "")
		h.c.Enabled = false
		h.update(func(tx *store.Tx) error { return tx.SaveConnection(&h.c) })
		check("whose connection is disabled", true, admin.ID)
		h.c.Enabled = true
		h.update(func(tx *store.Tx) error {
			if err := tx.SaveConnection(&h.c); err != nil {
				return err
			}
			return h.MakeAdmin(tx, operator, plain.ID)
		})
		check("another administrator", false, "")
	})
}
