package self

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/mail"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	"gatehouse/internal/users"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// house is two people, ann (with a verified address) and bob (with none that is).
type house struct {
	*Self
	t        *testing.T
	store    *store.Store
	now      time.Time
	ann, bob gatehouse.User
	gitlab   gatehouse.Connection
	local    map[string]bool // who has a password, by user id
	forgot   []string        // identities whose tokens were forgotten
	ended    []string        // users whose credentials were ended
}

// HasWayIn and EndAll are credentials, Forget the providers' tokens.
func (h *house) HasWayIn(_ *store.Tx, userID string) (bool, error) { return h.local[userID], nil }

func (h *house) EndAll(_ *store.Tx, _ gatehouse.Actor, userID string) error {
	h.ended = append(h.ended, userID)
	return nil
}

func (h *house) Forget(_ *store.Tx, identityID string) error {
	h.forgot = append(h.forgot, identityID)
	return nil
}

func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	build := func(t *testing.T, open func(*house) *store.Store) *house {
		h := &house{t: t, now: noon, local: map[string]bool{}}
		h.store = open(h)
		h.Self = &Self{
			Users: &users.Users{Store: h.store, Clock: h.clock}, Credentials: h, Tokens: h, URL: "https://id.example.com",
		}
		h.fill()
		return h
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		fn(t, build(t, func(h *house) *store.Store { return storetest.OpenWith(t, storetest.Options{Clock: h.clock}) }))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		fn(t, build(t, func(h *house) *store.Store { return storetest.OpenPostgres(t, storetest.Options{Clock: h.clock}) }))
	})
}

func (h *house) clock() time.Time { return h.now }

func (h *house) fill() {
	h.t.Helper()
	h.ann = gatehouse.User{Username: "ann", Name: "Ann", Email: "ann@example.com", EmailVerified: true, State: gatehouse.UserActive, Locale: "zh-CN", JobTitle: "Smith", Organization: "Forge", Location: "Ulm", Avatar: "https://a.example/a.png"}
	h.bob = gatehouse.User{Username: "bob", Name: "Bob", Email: "bob@example.com", State: gatehouse.UserActive}
	h.gitlab = gatehouse.Connection{Name: "gitlab", Kind: "gitlab", Label: "GitLab", Enabled: true}
	h.update(func(tx *store.Tx) error {
		return errors.Join(tx.SaveUser(&h.ann), tx.SaveUser(&h.bob), tx.SaveConnection(&h.gitlab))
	})
}

func (h *house) update(fn func(tx *store.Tx) error) {
	h.t.Helper()
	if err := h.store.Update(h.t.Context(), fn); err != nil {
		h.t.Fatal(err)
	}
}

// try does something in a transaction of its own, and wants this kind of error.
func (h *house) try(want gatehouse.ErrorKind, fn func(tx *store.Tx) error) {
	h.t.Helper()
	err := h.store.Update(h.t.Context(), fn)
	if want == "" && err != nil || want != "" && !errors.Is(err, want) {
		h.t.Errorf("got %v, want %q", err, want)
	}
}

func (h *house) user(id string) (u gatehouse.User) {
	h.t.Helper()
	h.update(func(tx *store.Tx) (err error) {
		u, err = tx.User(id)
		return err
	})
	return u
}

func (h *house) emails(id string) (all []string) {
	h.t.Helper()
	h.update(func(tx *store.Tx) error {
		found, err := tx.Emails(id)
		all = nil
		for _, e := range found {
			word := e.Address
			if e.Verified {
				word += " verified"
			}
			all = append(all, word)
		}
		return err
	})
	return all
}

// mails are what waits to be sent to an address, the oldest first.
func (h *house) mails(to string) (all []mail.Message) {
	h.t.Helper()
	h.update(func(tx *store.Tx) error {
		all = nil
		jobs, err := tx.Jobs("mail.send", "waiting", store.Cursor{Limit: 200})
		for i := len(jobs.Items) - 1; i >= 0; i-- {
			var args struct{ Mail string }
			if err := json.Unmarshal(jobs.Items[i].Args, &args); err != nil {
				return err
			}
			row, err := tx.Mail(args.Mail)
			if err != nil {
				return err
			}
			var m mail.Message
			if err := json.Unmarshal(row.Message, &m); err != nil {
				return err
			}
			if m.To == to {
				all = append(all, m)
			}
		}
		return err
	})
	return all
}

var tokenIn = regexp.MustCompile(`^https://id\.example\.com/user/emails/verify\?token=([\w-]{43})$`)

// token is the one of the last mail to an address.
func (h *house) token(to string) string {
	h.t.Helper()
	all := h.mails(to)
	if len(all) == 0 {
		h.t.Fatalf("nothing was mailed to %s", to)
	}
	found := tokenIn.FindStringSubmatch(all[len(all)-1].Link)
	if found == nil {
		h.t.Fatalf("the mail leads to %q", all[len(all)-1].Link)
	}
	return found[1]
}

// actions are what the audit log says of a user, the oldest first.
func (h *house) actions(id string) string {
	h.t.Helper()
	var words []string
	h.update(func(tx *store.Tx) error {
		page, err := tx.Events(store.EventFilter{Target: "user/" + id}, store.Cursor{Limit: 200})
		words = nil
		for i := len(page.Items) - 1; i >= 0; i-- {
			words = append(words, page.Items[i].Action)
		}
		return err
	})
	return strings.Join(words, " ")
}

func by(u gatehouse.User) gatehouse.Actor {
	return gatehouse.Actor{Kind: gatehouse.ActorUser, ID: u.ID, Name: u.Username, Address: "192.0.2.1"}
}

func (h *house) add(u gatehouse.User, address string, want gatehouse.ErrorKind) {
	h.t.Helper()
	h.try(want, func(tx *store.Tx) error {
		_, err := h.AddEmail(tx, by(u), u.ID, address, "en")
		return err
	})
}

func (h *house) verify(u gatehouse.User, token string, want gatehouse.ErrorKind) {
	h.t.Helper()
	h.try(want, func(tx *store.Tx) error {
		_, err := h.VerifyEmail(tx, by(u), u.ID, token)
		return err
	})
}
