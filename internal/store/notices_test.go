package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

func about(kind gatehouse.NoticeKind, subject string) gatehouse.Notice {
	return gatehouse.Notice{Kind: kind, Subject: subject, Event: "event"}
}

func TestHear(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		c := newConnector(t, s, "one")
		hear := func(n gatehouse.Notice) (fresh bool) {
			update(t, s, func(tx *store.Tx) (err error) {
				fresh, err = tx.Hear(c.ID, gatehouse.NoticeHook, n, time.Hour)
				return err
			})
			return fresh
		}
		due := func() (found []gatehouse.Heard) {
			view(t, s, func(tx *store.Tx) (err error) {
				found, err = tx.DueNotices(c.ID, 10)
				return err
			})
			return found
		}
		n := about(gatehouse.NoticeAccount, "7")
		n.ID = "x"
		if !hear(n) || hear(n) {
			t.Error("what has an id counts once")
		}
		other := n
		other.Subject = "8"
		if !hear(other) {
			t.Error("one id may speak of two things")
		}
		move(time.Second)
		if !hear(about(gatehouse.NoticeAccount, "7")) {
			t.Error("without an id it is always new")
		}
		found := due()
		if len(found) != 2 || found[0].Notice.Subject != "8" || found[1].Times != 2 || !found[1].FirstAt.Equal(noon) || !found[1].LastAt.Equal(noon.Add(time.Second)) {
			t.Fatalf("waiting: %+v", found)
		}
		seven := found[1]
		hear(about(gatehouse.NoticeAccount, "7"))
		update(t, s, func(tx *store.Tx) error { return tx.DropNotice(seven) })
		if found = due(); len(found) != 2 || found[1].Times != 3 {
			t.Errorf("a notice of which more came is not dropped: %+v", found)
		}
		update(t, s, func(tx *store.Tx) error { return tx.DelayNotice(found[1], tx.Now().Add(time.Minute)) })
		if now := due(); len(now) != 1 || now[0].Notice.Subject != "8" {
			t.Errorf("a delayed notice is due: %+v", now)
		}
		view(t, s, func(tx *store.Tx) error {
			next, err := tx.NextNotice(c.ID)
			if !next.Equal(noon) {
				t.Errorf("the next is due at %v", next)
			}
			return err
		})
		move(time.Minute)
		if now := due(); len(now) != 2 || now[1].Tries != 1 {
			t.Errorf("after the delay: %+v", now)
		}
		update(t, s, func(tx *store.Tx) error { return tx.DropNotices(c.ID, noon.Add(time.Second)) })
		if now := due(); len(now) != 1 || now[0].Notice.Subject != "7" {
			t.Errorf("those from before a moment go: %+v", now)
		}
		move(2 * time.Hour)
		update(t, s, func(tx *store.Tx) error {
			_, err := tx.DeleteExpired(10)
			return err
		})
		if !hear(n) {
			t.Error("an id is known for ever")
		}
		for _, bad := range []gatehouse.Notice{{}, {Kind: gatehouse.NoticeAccount}, {Kind: gatehouse.NoticeAccount, Subject: string(make([]byte, 2000))}} {
			err := s.Update(t.Context(), func(tx *store.Tx) error {
				_, err := tx.Hear(c.ID, gatehouse.NoticeHook, bad, time.Hour)
				return err
			})
			is(t, err, gatehouse.Invalid)
		}
	})
}

func TestNews(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		c := newConnector(t, s, "one")
		read := func() (n gatehouse.News) {
			view(t, s, func(tx *store.Tx) (err error) {
				n, err = tx.News(c.ID)
				return err
			})
			return n
		}
		same(t, read(), gatehouse.News{ConnectorID: c.ID})
		why := gatehouse.Notef("wrong %s", "secret")
		update(t, s, func(tx *store.Tx) error {
			before, err := tx.CountRefused(c.ID, 2, why)
			if !before.IsZero() {
				t.Errorf("refused before: %v", before)
			}
			return errors.Join(err, tx.CountReceived(c.ID, gatehouse.NoticeHook, "user_create", 3), tx.SetGlance(c.ID, "mark", gatehouse.Note{}))
		})
		move(time.Minute)
		update(t, s, func(tx *store.Tx) error { return tx.SetGlance(c.ID, "lost", why) })
		same(t, read(), gatehouse.News{
			ConnectorID: c.ID, LastAt: noon, LastEvent: "user_create", LastSource: gatehouse.NoticeHook, Received: 3, Refused: 2, RefusedAt: noon, RefusedWhy: why,
			Mark: "mark", GlancedAt: noon.Add(time.Minute), GlanceError: why,
		})
		t.Run("OneHolderHasAFeedAtATime", func(t *testing.T) {
			hold := func(holder string) (held bool) {
				update(t, s, func(tx *store.Tx) (err error) {
					held, err = tx.HoldFeed(c.ID, holder, tx.Now().Add(time.Minute))
					return err
				})
				return held
			}
			if !hold("a") || hold("b") || !hold("a") {
				t.Error("two hold it, or the holder cannot extend it")
			}
			update(t, s, func(tx *store.Tx) error {
				is(t, tx.SetFeed(c.ID, "b", gatehouse.FeedListening, gatehouse.Note{}, false), gatehouse.NotFound)
				return tx.SetFeed(c.ID, "a", gatehouse.FeedBroken, why, false)
			})
			if n := read(); n.Feed != gatehouse.FeedBroken || n.FeedError.Text != why.Text {
				t.Errorf("the feed: %+v", n)
			}
			move(2 * time.Minute)
			if !hold("b") {
				t.Error("a dead holder keeps it")
			}
			update(t, s, func(tx *store.Tx) error {
				return tx.SetFeed(c.ID, "b", gatehouse.FeedNone, gatehouse.Note{}, true)
			})
			if !hold("a") {
				t.Error("what was given up is held still")
			}
		})
	})
}

// TestRefresh: what is read of one thing changes the history of that alone.
func TestRefresh(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		c := newConnector(t, s, "one")
		pull(t, s, c.ID, someApp())
		move(time.Hour)
		refresh := func(fn func(*store.Tx, store.Rereading) (int64, error)) (n int64) {
			update(t, s, func(tx *store.Tx) (err error) {
				n, err = fn(tx, store.Rereading{By: gatehouse.NoticeHook, BeganAt: tx.Now()})
				return err
			})
			return n
		}
		grantsOf := func(account string) (found []gatehouse.Grant) {
			view(t, s, func(tx *store.Tx) (err error) {
				found, err = tx.GrantsOf(c.ID, account)
				return err
			})
			return found
		}
		app := someApp()
		ann := app.Accounts[0]
		if n := refresh(func(tx *store.Tx, r store.Rereading) (int64, error) {
			return tx.RefreshAccount(c.ID, r, ann, app.Grants[:1])
		}); n != 0 {
			t.Errorf("the same again wrote %d rows", n)
		}
		ann.State, ann.LastActiveAt = "blocked", noon.Add(time.Hour)
		more := gatehouse.Grant{AccountID: "1", ResourceID: "group/2", Role: gatehouse.Role{Level: 30}}
		if n := refresh(func(tx *store.Tx, r store.Rereading) (int64, error) {
			r.Keep = true
			return tx.RefreshAccount(c.ID, r, ann, []gatehouse.Grant{more})
		}); n != 2+1 {
			t.Errorf("a new state and a new grant wrote %d rows", n)
		}
		if len(grantsOf("1")) != 2 {
			t.Error("a grant that is to be kept ended")
		}
		if n := refresh(func(tx *store.Tx, r store.Rereading) (int64, error) {
			return tx.RefreshAccount(c.ID, r, ann, []gatehouse.Grant{more, more})
		}); n != 1 || len(grantsOf("1")) != 1 {
			t.Errorf("a grant that is gone: %d rows", n)
		}
		sub := app.Resources[1]
		sub.Path = "top/moved"
		if n := refresh(func(tx *store.Tx, r store.Rereading) (int64, error) {
			return tx.RefreshResource(c.ID, r, store.Staged{
				Resources: []gatehouse.Resource{sub}, Grants: []gatehouse.Grant{{AccountID: "3", ResourceID: "group/2", Role: gatehouse.Role{Level: 10}}},
				Shares: []gatehouse.Share{{GroupID: "group/1", ResourceID: "group/2", Cap: gatehouse.Role{Level: 10}}},
			})
		}); n != 2+2+1 || len(grantsOf("1")) != 0 || len(grantsOf("3")) != 1 {
			t.Errorf("a resource that changed: %d rows", n)
		}
		if n := refresh(func(tx *store.Tx, r store.Rereading) (int64, error) { return tx.EndResource(c.ID, r, "group/2") }); n != 1+1+1+1 {
			t.Errorf("a group that is gone, with a grant, a share of it and one to it: %d rows", n)
		}
		if n := refresh(func(tx *store.Tx, r store.Rereading) (int64, error) { return tx.EndAccount(c.ID, r, "2") }); n != 2 {
			t.Errorf("an account that is gone, with its grant: %d rows", n)
		}
		view(t, s, func(tx *store.Tx) error {
			current, err := tx.CountCurrent(c.ID)
			same(t, current, store.Counts{Accounts: 2, Resources: 3})
			return err
		})
	})
}

// TestAPullDoesNotUndoWhatWasReadAfresh while it was under way: what it staged of
// it may be older.
func TestAPullDoesNotUndoWhatWasReadAfresh(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		c := newConnector(t, s, "one")
		pull(t, s, c.ID, someApp())
		update(t, s, func(tx *store.Tx) error { // long ago: no matter to the pull
			_, err := tx.RefreshAccountRow(c.ID, store.Rereading{By: gatehouse.NoticeHook, BeganAt: noon.Add(-time.Hour)}, someApp().Accounts[1])
			return err
		})
		move(time.Minute)
		old := someApp()
		old.Accounts[1].State = "older than the pull"
		id := stage(t, s, c.ID, old)
		move(time.Minute)
		fresh := someApp()
		fresh.Accounts[0].State = "fresh"
		project := fresh.Resources[2]
		project.Name = "fresh"
		update(t, s, func(tx *store.Tx) error {
			r := store.Rereading{By: gatehouse.NoticeHook, BeganAt: tx.Now()}
			_, one := tx.RefreshAccount(c.ID, r, fresh.Accounts[0], nil)
			_, two := tx.RefreshResource(c.ID, r, store.Staged{Resources: []gatehouse.Resource{project}})
			_, three := tx.EndAccount(c.ID, r, "3")
			_, four := tx.RefreshAccountRow(c.ID, r, fresh.Accounts[1])
			return errors.Join(one, two, three, four)
		})
		// The pull's last pages come in after that.
		update(t, s, func(tx *store.Tx) error {
			return tx.Stage(id, store.Staged{Accounts: old.Accounts, Grants: old.Grants, Resources: old.Resources})
		})
		update(t, s, func(tx *store.Tx) error {
			doubts, err := tx.KeepReread(c.ID, id)
			is(t, err, "")
			slices.SortFunc(doubts, func(a, b gatehouse.Notice) int { return slices.Compare([]byte(a.Subject), []byte(b.Subject)) })
			same(t, doubts, []gatehouse.Notice{
				{Kind: gatehouse.NoticeAccount, Subject: "1"},
				{Kind: gatehouse.NoticeAccount, Subject: "2"},
				{Kind: gatehouse.NoticeAccount, Subject: "3"},
				{Kind: gatehouse.NoticeResource, Subject: "project/3"},
			})
			n, err := tx.FinishPull(c.ID, id)
			if n != 0 {
				t.Errorf("the pull wrote %d rows", n)
			}
			return err
		})
		view(t, s, func(tx *store.Tx) error {
			ann, err := tx.Account(c.ID, "1")
			if ann.State != "fresh" {
				t.Errorf("ann is %q", ann.State)
			}
			_, gone := tx.Account(c.ID, "3")
			is(t, gone, gatehouse.NotFound)
			bot, err2 := tx.Account(c.ID, "2")
			if bot.State != "blocked" {
				t.Errorf("the bot is %q", bot.State)
			}
			grants, err3 := tx.GrantsOn(c.ID, []gatehouse.ResourceID{"group/1", "project/3"})
			if len(grants) != 0 {
				t.Errorf("grants came back: %+v", grants)
			}
			return errors.Join(err, err2, err3)
		})
		t.Run("TheNextPullDoes", func(t *testing.T) {
			move(time.Minute)
			app := someApp()
			id := stage(t, s, c.ID, app)
			update(t, s, func(tx *store.Tx) error {
				doubts, err := tx.KeepReread(c.ID, id)
				if len(doubts) != 0 {
					t.Errorf("doubts: %+v", doubts)
				}
				is(t, err, "")
				_, err = tx.FinishPull(c.ID, id)
				return err
			})
			view(t, s, func(tx *store.Tx) error {
				current, err := tx.CountCurrent(c.ID)
				same(t, current, store.Counts{Accounts: 3, Resources: 4, Grants: 2, Shares: 1})
				return err
			})
		})
	})
}
