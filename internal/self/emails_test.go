package self

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/mail"
	"gatehouse/internal/store"
)

func TestAddAndVerify(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.add(h.ann, " Work@Example.COM ", "")
		if diff := cmp.Diff([]string{"work@example.com"}, h.emails(h.ann.ID)); diff != "" {
			t.Error("S13: an added address is not verified:", diff)
		}
		token := h.token("work@example.com")
		h.try("", func(tx *store.Tx) error { // a look uses nothing up
			p, err := h.Proof(tx, h.ann.ID, token)
			if p.Address != "work@example.com" {
				t.Errorf("proof %+v", p)
			}
			return err
		})
		h.verify(h.bob, token, gatehouse.Forbidden) // S6: in the session of its user only, and it stays good
		h.verify(h.ann, token, "")
		h.verify(h.ann, token, gatehouse.Expired) // once
		h.verify(h.ann, "nonsense", gatehouse.Expired)
		if diff := cmp.Diff([]string{"work@example.com verified"}, h.emails(h.ann.ID)); diff != "" {
			t.Error(diff)
		}
		if got := h.actions(h.ann.ID); got != "email.added email.proof_sent email.verified" {
			t.Errorf("audit log: %s", got)
		}
	})
}

func TestALinkEnds(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.add(h.ann, "a@work.example", "")
		first := h.token("a@work.example")
		send := func(want gatehouse.ErrorKind) {
			t.Helper()
			h.try(want, func(tx *store.Tx) error { return h.SendProof(tx, by(h.ann), h.ann.ID, "a@work.example", "en") })
		}
		send(gatehouse.Limited) // too soon
		h.now = h.now.Add(proofPause)
		send("")
		h.verify(h.ann, first, gatehouse.Expired) // a newer one was mailed
		h.now = h.now.Add(ProofTime)
		h.verify(h.ann, h.token("a@work.example"), gatehouse.Expired) // S6: a day
		send("")
		gone := h.token("a@work.example")
		h.try("", func(tx *store.Tx) error { return h.RemoveEmail(tx, by(h.ann), h.ann.ID, "a@work.example") })
		h.verify(h.ann, gone, gatehouse.Expired)
	})
}

// TestVerifyThePrimary: an address that a provider told and nobody trusted is
// verified by a mail like others.
func TestVerifyThePrimary(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.try("", func(tx *store.Tx) error { return h.SendProof(tx, by(h.bob), h.bob.ID, "bob@example.com", "") })
		h.verify(h.bob, h.token("bob@example.com"), "")
		if u := h.user(h.bob.ID); !u.EmailVerified || u.Email != "bob@example.com" {
			t.Errorf("bob is %+v", u)
		}
		h.try(gatehouse.Conflict, func(tx *store.Tx) error { return h.SendProof(tx, by(h.bob), h.bob.ID, "bob@example.com", "") })
		h.try(gatehouse.NotFound, func(tx *store.Tx) error { return h.SendProof(tx, by(h.bob), h.bob.ID, "other@example.com", "") })
		h.try(gatehouse.NotFound, func(tx *store.Tx) error { return h.SendProof(tx, by(h.bob), h.bob.ID, "", "") })
	})
}

func TestAddRefuses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.MayHave = func(_ *store.Tx, address string) error {
			if strings.HasSuffix(address, "@throwaway.example") {
				return gatehouse.Errorf(gatehouse.Forbidden, "no")
			}
			return nil
		}
		for address, want := range map[string]gatehouse.ErrorKind{
			"":                          gatehouse.Invalid,
			"nobody":                    gatehouse.Invalid,
			"a@b.example\nBcc: c@d.org": gatehouse.Invalid,
			"x@throwaway.example":       gatehouse.Forbidden,
			"Ann@example.com":           gatehouse.Conflict,
		} {
			h.add(h.ann, address, want)
		}
		h.add(h.ann, "one@example.com", "")
		h.add(h.ann, "one@example.com", gatehouse.Conflict)
		if len(h.emails(h.ann.ID)) != 1 {
			t.Errorf("ann has %v", h.emails(h.ann.ID))
		}
	})
}

func TestAPersonCannotHaveManyStrangersMailed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		remove := func(address string) {
			h.try("", func(tx *store.Tx) error { return h.RemoveEmail(tx, by(h.ann), h.ann.ID, address) })
		}
		for i := range hourlyProofs {
			address := fmt.Sprintf("a%d@example.com", i)
			h.add(h.ann, address, "")
			remove(address)
		}
		h.add(h.ann, "more@example.com", gatehouse.Limited)
		if got := h.emails(h.ann.ID); len(got) != 0 {
			t.Errorf("what was refused was kept: %v", got)
		}
		h.now = h.now.Add(time.Hour)
		h.add(h.ann, "more@example.com", "")
		for i := range MostAddresses - 1 {
			h.now = h.now.Add(time.Hour)
			h.add(h.ann, fmt.Sprintf("b%d@example.com", i), "")
		}
		h.now = h.now.Add(time.Hour)
		h.add(h.ann, "last@example.com", gatehouse.Conflict)
	})
}

// TestSomebodyElsesAddressLooksLikeAnyOther: nothing that the person sees tells
// whether an address is known here; its holder gets a mail, without a way in.
func TestSomebodyElsesAddressLooksLikeAnyOther(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		for _, address := range []string{"ann@example.com", "unknown@example.com"} {
			h.add(h.bob, address, "")
			again := func(want gatehouse.ErrorKind) {
				h.try(want, func(tx *store.Tx) error { return h.SendProof(tx, by(h.bob), h.bob.ID, address, "en") })
			}
			again(gatehouse.Limited)
			h.now = h.now.Add(proofPause)
			again("")
		}
		if diff := cmp.Diff([]string{"ann@example.com", "unknown@example.com"}, h.emails(h.bob.ID)); diff != "" {
			t.Error(diff)
		}
		for _, m := range h.mails("ann@example.com") {
			if strings.Contains(m.Link, "token") || m.Locale != "zh-CN" || strings.Contains(m.Body[0].Sentence(), "bob") || !strings.Contains(m.Body[0].Sentence(), "@ann") {
				t.Errorf("the holder got %+v", m)
			}
		}
		if n := len(h.mails("ann@example.com")); n != 2 {
			t.Errorf("the holder got %d mails", n)
		}
	})
}

// TestAStrangerIsMailedNobodysWords: what somebody calls themselves is sent to
// nobody whose address they only name.
func TestAStrangerIsMailedNobodysWords(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.try("", func(tx *store.Tx) error {
			u, err := tx.User(h.bob.ID)
			if err != nil {
				return err
			}
			u.Name = "You have won, open https://evil.example/now"
			return tx.SaveUser(&u)
		})
		h.add(h.bob, "stranger@example.com", "")
		all := h.mails("stranger@example.com")
		if len(all) != 1 || !all[0].Unproven {
			t.Fatalf("mailed %+v", all)
		}
		text := all[0].Subject.Sentence() + all[0].Button.Sentence()
		for _, b := range all[0].Body {
			text += b.Sentence()
		}
		if strings.Contains(text, "evil") || !strings.Contains(text, "@bob") {
			t.Errorf("mailed %s", text)
		}
	})
}

// TestOneOfTwoVerifiesAnAddress: two people may add the same address; whoever
// reads its mail first has it.
func TestOneOfTwoVerifiesAnAddress(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.add(h.ann, "shared@example.com", "")
		anns := h.token("shared@example.com")
		h.add(h.bob, "shared@example.com", "")
		bobs := h.token("shared@example.com")
		var won atomic.Int64
		var all sync.WaitGroup
		for token, u := range map[string]gatehouse.User{anns: h.ann, bobs: h.bob} {
			all.Go(func() {
				err := h.store.Update(t.Context(), func(tx *store.Tx) error {
					_, err := h.VerifyEmail(tx, by(u), u.ID, token)
					return err
				})
				if err == nil {
					won.Add(1)
				} else if gatehouse.KindOf(err) != gatehouse.Conflict {
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d verified it", won.Load())
		}
	})
}

func TestMakePrimary(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		primary := func(want gatehouse.ErrorKind, address string) {
			t.Helper()
			h.try(want, func(tx *store.Tx) error { return h.MakePrimary(tx, by(h.ann), h.ann.ID, address) })
		}
		h.add(h.ann, "new@example.com", "")
		primary(gatehouse.Conflict, "new@example.com") // S13: only a verified one
		primary(gatehouse.NotFound, "bob@example.com")
		h.verify(h.ann, h.token("new@example.com"), "")
		primary("", "new@example.com")
		primary("", "new@example.com")
		if u := h.user(h.ann.ID); u.Email != "new@example.com" || !u.EmailVerified {
			t.Errorf("ann is %+v", u)
		}
		if diff := cmp.Diff([]string{"ann@example.com verified"}, h.emails(h.ann.ID)); diff != "" {
			t.Error(diff)
		}
		told := h.mails("ann@example.com")
		if len(told) != 1 || !strings.Contains(told[0].Body[0].Sentence(), "new@example.com") {
			t.Errorf("the old address was told %+v", told)
		}
		h.try(gatehouse.Conflict, func(tx *store.Tx) error { return h.RemoveEmail(tx, by(h.ann), h.ann.ID, "new@example.com") })
		h.try("", func(tx *store.Tx) error { return h.RemoveEmail(tx, by(h.ann), h.ann.ID, "ann@example.com") })
		if len(h.mails("ann@example.com")) != 2 {
			t.Error("the removed address was not told")
		}
		if got := h.actions(h.ann.ID); !strings.HasSuffix(got, "user.email_changed email.removed") {
			t.Errorf("audit log: %s", got)
		}
	})
}

func TestAProvidersAddressIsChangedThere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.add(h.ann, "new@example.com", "")
		h.verify(h.ann, h.token("new@example.com"), "")
		h.gitlab.Rules.SyncProfile = true
		h.update(func(tx *store.Tx) error {
			if err := tx.SaveConnection(&h.gitlab); err != nil {
				return err
			}
			return tx.SaveIdentity(&gatehouse.Identity{UserID: h.ann.ID, ConnectionID: h.gitlab.ID, Subject: "1", Profile: gatehouse.Profile{Email: "ann@example.com"}})
		})
		h.try(gatehouse.Conflict, func(tx *store.Tx) error { return h.MakePrimary(tx, by(h.ann), h.ann.ID, "new@example.com") })
	})
}

func TestNobodyElsesAddresses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.add(h.ann, "anns@example.com", "")
		for _, do := range []func(*store.Tx) error{
			func(tx *store.Tx) error { return h.RemoveEmail(tx, by(h.bob), h.bob.ID, "anns@example.com") },
			func(tx *store.Tx) error { return h.MakePrimary(tx, by(h.bob), h.bob.ID, "anns@example.com") },
			func(tx *store.Tx) error { return h.SendProof(tx, by(h.bob), h.bob.ID, "anns@example.com", "") },
		} {
			h.try(gatehouse.NotFound, do)
		}
	})
}

// TestMailsCanBeSent: what this package writes passes the checks of mails.
func TestMailsCanBeSent(t *testing.T) {
	t.Parallel()
	s := &Self{URL: "https://id.example.com"}
	u := gatehouse.User{Username: "ann", Name: "Ann"}
	for _, m := range []mail.Message{s.proofMail(u, "a@b.example", gatehouse.NewSecret(), "zh-CN"), s.holderMail(u, "a@b.example")} {
		l, err := m.Read(s.URL)
		if err != nil || !strings.Contains(l.Text, "https://id.example.com/user") {
			t.Errorf("%v\n%s", err, l.Text)
		}
	}
}
