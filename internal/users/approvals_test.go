package users

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/mail"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// waiting is a connection whose newcomers wait for approval.
var waiting = gatehouse.ConnectionRules{AllowSingleSignOn: true, BlockAutoCreatedUsers: true}

// clocked is a database whose time the test says.
func clocked(t *testing.T, fn func(t *testing.T, s *store.Store, now *time.Time)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB, storetest.Options) *store.Store{"sqlite": storetest.OpenWith, "postgres": storetest.OpenPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Now().Truncate(time.Millisecond).UTC()
			fn(t, open(t, storetest.Options{Clock: func() time.Time { return now }}), &now)
		})
	}
}

// mails are those that wait to be sent, the oldest first.
func (h *house) mails() (all []mail.Message) {
	h.t.Helper()
	h.update(func(tx *store.Tx) error {
		all = nil
		page, err := tx.Jobs("mail.send", "", store.Cursor{Limit: 200})
		for _, j := range slices.Backward(page.Items) {
			var args struct{ Mail string }
			if err := json.Unmarshal(j.Args, &args); err != nil {
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
			all = append(all, m)
		}
		return err
	})
	return all
}

func (h *house) approval(userID string) (a gatehouse.Approval) {
	h.t.Helper()
	h.update(func(tx *store.Tx) (err error) {
		a, err = tx.Approval(userID)
		return err
	})
	return a
}

// admin is an administrator, who gets mail if the address is verified.
func admin(t *testing.T, s *store.Store, name string, verified bool) gatehouse.Actor {
	t.Helper()
	u := saved(t, s, gatehouse.User{
		Username: name, Name: name, Email: name + "@corp.example", EmailVerified: verified, Locale: "zh-CN",
		State: gatehouse.UserActive, Role: gatehouse.RoleSuperAdministrator,
	})
	return gatehouse.Actor{Kind: gatehouse.ActorUser, ID: u.ID, Name: u.Username}
}

func sentences(m mail.Message) string {
	var all []string
	for _, n := range m.Body {
		all = append(all, n.Sentence())
	}
	return strings.Join(all, "|")
}

func TestAskApproval(t *testing.T) {
	t.Parallel()
	clocked(t, func(t *testing.T, s *store.Store, now *time.Time) {
		h := newHouse(t, s, "gitlab", waiting)
		h.URL = "https://gate.example.com"
		admin(t, s, "root", true)
		admin(t, s, "unread", false)
		saved(t, s, gatehouse.User{Username: "aud", Email: "aud@corp.example", EmailVerified: true, State: gatehouse.UserActive, Role: gatehouse.RoleAuditor})
		u, _ := h.come(person("1", "li.na", "li@x.org", ""), "")
		asked := h.approval(u.ID)
		want := gatehouse.Approval{ID: asked.ID, UserID: u.ID, ConnectionID: h.c.ID, RequestedAt: *now, ExpiresAt: now.Add(gatehouse.DefaultApprovalTime)}
		if diff := cmp.Diff(want, asked); diff != "" {
			t.Errorf("asked (-want +got):\n%s", diff)
		}
		mails := h.mails()
		if len(mails) != 1 || mails[0].To != "root@corp.example" || mails[0].Locale != "zh-CN" ||
			mails[0].Link != "https://gate.example.com/admin/approvals/"+u.ID || !strings.Contains(sentences(mails[0]), "came by GitLab") {
			t.Errorf("the approvers got %+v", mails)
		}

		h.come(person("1", "li.na", "li@x.org", ""), "")
		if again := h.approval(u.ID); again != asked || len(h.mails()) != 1 {
			t.Errorf("coming again made another request: %+v", again)
		}
		ask := func(message string) {
			t.Helper()
			h.update(func(tx *store.Tx) error { return h.AskApproval(tx, u, h.c, message) })
		}
		ask(" I am\x00 new\u202e here \r\n" + strings.Repeat("很", maxMessage))
		if m := h.approval(u.ID).Message; !strings.HasPrefix(m, "I am new here \n很") || len(m) > maxMessage {
			t.Errorf("the message is %q", m)
		}
		ask("And now something else")
		if m := h.approval(u.ID).Message; !strings.HasPrefix(m, "I am new") {
			t.Errorf("a request that somebody may have read changed to %q", m)
		}

		*now = now.Add(gatehouse.DefaultApprovalTime)
		h.come(person("1", "li.na", "li@x.org", ""), "")
		if again := h.approval(u.ID); again.ID == asked.ID || !again.OpenAt(*now) || len(h.mails()) != 2 {
			t.Errorf("after it ran out, coming again asked %+v", again)
		}
	})
}

func TestApproversAreNotFloodedByMail(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	h := newHouse(t, s, "gitlab", waiting)
	admin(t, s, "root", true)
	for range mostMails + 5 {
		id := store.NewID()
		h.come(person(id, "", "", ""), "")
	}
	if n := len(h.mails()); n != mostMails {
		t.Errorf("%d mails, want %d", n, mostMails)
	}
}

// TestAnswer/G5: nobody approves himself, and two approvers at once give one result.
func TestAnswer(t *testing.T) {
	t.Parallel()
	clocked(t, func(t *testing.T, s *store.Store, now *time.Time) {
		h := newHouse(t, s, "gitlab", waiting)
		h.URL = "https://gate.example.com"
		boss, other := admin(t, s, "boss", false), admin(t, s, "other", false)
		answer := func(do func(*store.Tx, gatehouse.Actor, string, Answer) error, by gatehouse.Actor, id string, a Answer) error {
			return s.Update(t.Context(), func(tx *store.Tx) error { return do(tx, by, id, a) })
		}
		conflict := func(err error, says string) {
			t.Helper()
			var e *gatehouse.Error
			if !errors.Is(err, gatehouse.Conflict) || !errors.As(err, &e) || !strings.Contains(e.Sentence(), says) {
				t.Errorf("got %v, want a conflict that says %q", err, says)
			}
		}

		yes, _ := h.come(person("1", "ann", "ann@x.org", ""), "")
		asked := h.approval(yes.ID)
		if err := answer(h.Approve, gatehouse.Actor{Kind: gatehouse.ActorUser, ID: yes.ID}, yes.ID, Answer{}); !errors.Is(err, gatehouse.Forbidden) {
			t.Errorf("approving oneself: %v", err)
		}
		conflict(answer(h.Approve, boss, yes.ID, Answer{Approval: "an older one"}), "asked anew")
		if err := answer(h.Approve, boss, yes.ID, Answer{Approval: asked.ID, Reason: " Welcome\u200b! "}); err != nil {
			t.Fatal(err)
		}
		conflict(answer(h.Approve, other, yes.ID, Answer{Approval: asked.ID}), "approved already, by boss")
		conflict(answer(h.Deny, other, yes.ID, Answer{Approval: asked.ID}), "approved already, by boss")
		want := asked
		want.Verdict, want.Reason, want.DecidedBy, want.DecidedAt = gatehouse.VerdictApproved, "Welcome!", "boss", *now
		if diff := cmp.Diff(want, h.approval(yes.ID)); diff != "" {
			t.Errorf("approved (-want +got):\n%s", diff)
		}
		if h.stored(yes.ID).State != gatehouse.UserActive {
			t.Error("the approved user is not active")
		}

		no, _ := h.come(person("2", "bob", "bob@x.org", gatehouse.Unverified), "")
		third, _ := h.come(person("3", "cid", "cid@x.org", ""), "")
		for _, u := range []gatehouse.User{no, third} {
			if err := answer(h.Deny, boss, u.ID, Answer{Reason: "Not of us"}); err != nil {
				t.Fatal(err)
			}
		}
		conflict(answer(h.Approve, other, no.ID, Answer{}), "turned away already, by boss")
		_, d := h.come(person("2", "bob", "", ""), "")
		if d.Outcome != gatehouse.OutcomeRefused || h.stored(no.ID).State != gatehouse.UserBlocked || h.approval(no.ID).Reason != "Not of us" {
			t.Errorf("a denied person comes again: %s, %+v", d.Outcome, h.approval(no.ID))
		}
		mails := h.mails()
		if len(mails) != 2 || mails[0].To != "ann@x.org" || mails[0].Link != "https://gate.example.com/sign-in" || !strings.Contains(sentences(mails[0]), "Welcome!") ||
			mails[1].To != "cid@x.org" || mails[1].Link != "" || !strings.Contains(sentences(mails[1]), "Not of us") {
			t.Errorf("mails of the answers: %+v", mails) // none to bob, whose provider says that the address is not his
		}
		if diff := cmp.Diff([]string{"user.created", "identity.linked", "approval.asked", "user.approved"}, h.actions(yes.ID)); diff != "" {
			t.Errorf("audit (-want +got):\n%s", diff)
		}
	})
}

func TestOtherWaysOutOfWaitingCloseTheRequest(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	h := newHouse(t, s, "gitlab", waiting)
	u, _ := h.come(person("1", "ann", "", ""), "")
	h.update(func(tx *store.Tx) error { return h.Block(tx, operator, u.ID) })
	if v := h.approval(u.ID).Verdict; v != gatehouse.VerdictDenied {
		t.Errorf("blocked, the request is %q", v)
	}
	boss, _ := h.come(person("2", "boss", "", ""), "")
	h.come(person("2", "boss", "boss@example.com", gatehouse.Verified), "")
	if got := h.stored(boss.ID); got.State != gatehouse.UserActive || h.approval(boss.ID).Verdict != gatehouse.VerdictApproved {
		t.Errorf("an administrator of the file is %s, the request %+v", got.State, h.approval(boss.ID))
	}
}

func TestExpireApprovals(t *testing.T) {
	t.Parallel()
	clocked(t, func(t *testing.T, s *store.Store, now *time.Time) {
		h := newHouse(t, s, "gitlab", waiting)
		h.ApprovalTime = time.Hour
		u, _ := h.come(person("1", "ann", "", ""), "")
		expired := func() (n int) {
			h.update(func(tx *store.Tx) (err error) {
				n, err = h.ExpireApprovals(tx, 10)
				return err
			})
			return n
		}
		if n := expired(); n != 0 {
			t.Errorf("%d ran out at once", n)
		}
		*now = now.Add(time.Hour)
		if n, again := expired(), expired(); n != 1 || again != 0 {
			t.Errorf("%d ran out, then %d", n, again)
		}
		a := h.approval(u.ID)
		if a.Verdict != gatehouse.VerdictExpired || a.DecidedBy != "" || h.stored(u.ID).State != gatehouse.UserPending {
			t.Errorf("%+v", a)
		}
		h.update(func(tx *store.Tx) error { return h.Approve(tx, operator, u.ID, Answer{}) }) // late is not too late
		if a := h.approval(u.ID); a.Verdict != gatehouse.VerdictApproved || h.stored(u.ID).State != gatehouse.UserActive {
			t.Errorf("%+v", a)
		}
	})
}
