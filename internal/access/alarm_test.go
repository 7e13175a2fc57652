package access

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func TestHeard(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		was    gatehouse.Alarm
		failed bool
		want   gatehouse.Alarm
		tell   telling
	}{
		{"AFirstFailureIsNotTold", gatehouse.Alarm{}, true, gatehouse.Alarm{Failures: 1}, tellNothing},
		{"TheThirdIs", gatehouse.Alarm{Failures: 2}, true, gatehouse.Alarm{Failures: 3, Told: true}, tellFails},
		{"OnceOnly", gatehouse.Alarm{Failures: 3, Told: true}, true, gatehouse.Alarm{Failures: 4, Told: true}, tellNothing},
		{"ThatItWorksIsNotTold", gatehouse.Alarm{}, false, gatehouse.Alarm{}, tellNothing},
		{"NorAfterTwo", gatehouse.Alarm{Failures: 2}, false, gatehouse.Alarm{}, tellNothing},
		{"ThatItWorksAgainIs", gatehouse.Alarm{Failures: 9, Told: true, Token: "2027-01-01", Days: 7}, false, gatehouse.Alarm{Token: "2027-01-01", Days: 7}, tellWorks},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, tell := heard(tt.was, tt.failed); got != tt.want || tell != tt.tell {
				t.Errorf("%+v and %q, want %+v and %q", got, tell, tt.want, tt.tell)
			}
		})
	}
}

func TestWarned(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.November, 21, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name, ends string
		was        gatehouse.Alarm
		days, kept int
		tell       bool
	}{
		{"FarAway", "2027-06-01", gatehouse.Alarm{}, 0, 0, false},
		{"Never", "", gatehouse.Alarm{}, 0, 0, false},
		{"InAMonth", "2026-12-21", gatehouse.Alarm{}, 30, 30, true},
		{"InAMonthOnce", "2026-12-21", gatehouse.Alarm{Token: "2026-12-21", Days: 30}, 0, 30, false},
		{"InAWeek", "2026-11-28", gatehouse.Alarm{Token: "2026-11-28", Days: 30}, 7, 7, true},
		{"InAWeekOnce", "2026-11-27", gatehouse.Alarm{Token: "2026-11-27", Days: 7}, 0, 7, false},
		{"Tomorrow", "2026-11-22", gatehouse.Alarm{Token: "2026-11-22", Days: 7}, 1, 1, true},
		{"TomorrowForTheFirstTime", "2026-11-22", gatehouse.Alarm{}, 1, 1, true},
		{"Over", "2026-11-21", gatehouse.Alarm{Token: "2026-11-21", Days: 1}, 0, 1, false},
		{"ANewTokenBeginsAnew", "2026-12-20", gatehouse.Alarm{Token: "2026-11-22", Days: 1}, 29, 30, true},
		{"ANewTokenWithoutAnEnd", "", gatehouse.Alarm{Token: "2026-11-22", Days: 1}, 0, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			next, days, tell := warned(tt.was, gatehouse.Sighting{ExpiresAt: tt.ends}, now)
			if tell != tt.tell || tell && days != tt.days || next.Days != tt.kept || next.Token != tt.ends {
				t.Errorf("%+v, %d days, told %t", next, days, tell)
			}
		})
	}
}

// mails are the subjects of what is to be sent, and to whom.
func (b *bench) mails() (all []string) {
	b.Helper()
	b.update(func(tx *store.Tx) error {
		jobs, err := tx.Jobs("mail.send", "", store.Cursor{Limit: 50})
		all = nil
		for _, j := range jobs.Items {
			id := strings.Split(string(j.Args), `"`)[3]
			row, err := tx.Mail(id)
			if err != nil {
				return err
			}
			all = append(all, row.Address)
		}
		slices.Sort(all)
		return err
	})
	return all
}

func TestOwnersAreToldOfThreeFailuresOnceAndOfTheirEnd(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := newBench(t, s, &play{failAt: -1, pages: []integration.Page{people(1)}, probe: gatehouse.Errorf(gatehouse.Unauthorized, "The token is not accepted.")})
		b.update(func(tx *store.Tx) error {
			c, err := tx.Connector(b.connector)
			if err != nil {
				return err
			}
			c.Owners = []string{"ann@example.com", "not an address", "bob@example.com"}
			return tx.SaveConnector(&c)
		})
		b.service.Apps.URL = "https://id.example.com"
		for i, want := range []int{0, 0, 2, 2} {
			if got := b.sync(); got != "failed" {
				t.Fatal(got)
			}
			if got := b.mails(); len(got) != want {
				t.Fatalf("after %d failures mails to %v", i+1, got)
			}
		}
		b.source.set(func(p *play) { p.probe = nil })
		if got := b.sync(); got != "done" {
			t.Fatal(got)
		}
		if diff := cmp.Diff([]string{"ann@example.com", "ann@example.com", "bob@example.com", "bob@example.com"}, b.mails()); diff != "" {
			t.Error(diff)
		}
		if c, _, _ := b.look(); c.Alarm != (gatehouse.Alarm{}) {
			t.Errorf("the alarm is %+v", c.Alarm)
		}
	})
}

func TestOwnersAreWarnedOfTheEndOfTheToken(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := newBench(t, s, &play{failAt: -1})
		b.service.Apps.URL = "https://id.example.com"
		b.update(func(tx *store.Tx) error {
			c, err := tx.Connector(b.connector)
			if err != nil {
				return err
			}
			c.Owners, c.Token = []string{"ann@example.com"}, "secret"
			c.Seen.ExpiresAt = tx.Now().Add(5 * 24 * time.Hour).Format(time.DateOnly)
			return tx.SaveConnector(&c)
		})
		for range 2 {
			if err := b.service.warnOfTokens(context.Background(), nil); err != nil {
				t.Fatal(err)
			}
			if got := b.mails(); len(got) != 1 {
				t.Fatalf("mails to %v", got)
			}
		}
	})
}

func TestStepsOfAPullTellCountsAndTime(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.Open(t), &play{failAt: -1, pages: []integration.Page{people(3), {Step: "shares", Requests: 2}, people(2)}})
	b.sync()
	_, p, _ := b.look()
	var got []string
	for _, s := range p.Steps {
		got = append(got, fmt.Sprintf("%s %d/%d/%d", s.Name, s.Accounts, s.Grants, s.Requests))
	}
	if diff := cmp.Diff([]string{"probe 0/0/0", "accounts 5/5/2", "shares 0/0/2", "finish 0/0/0"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAPausedConnectorReadsNothingAndLosesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		source := &play{failAt: -1, pages: []integration.Page{people(5), {Step: "b"}, {Step: "c"}}}
		b := newBench(t, s, source)
		by := gatehouse.Actor{Kind: gatehouse.ActorUser, Name: "test"}
		b.sync()
		b.update(func(tx *store.Tx) error { return b.service.Pause(tx, by, b.connector) })
		b.update(func(tx *store.Tx) error { return b.service.Pause(tx, by, b.connector) })
		c, _, _ := b.look()
		if c.Status != gatehouse.ConnectorPaused || !b.service.NextSync(c).IsZero() {
			t.Errorf("paused, it is %q and due at %v", c.Status, b.service.NextSync(c))
		}
		if err := s.Update(t.Context(), func(tx *store.Tx) error {
			_, err := b.service.SyncNow(tx, by, b.connector)
			return err
		}); gatehouse.KindOf(err) != gatehouse.Conflict {
			t.Errorf("a sync of a paused connector: %v", err)
		}
		b.update(func(tx *store.Tx) error { return b.service.Resume(tx, by, b.connector) })
		if c, _, _ := b.look(); c.Status != gatehouse.ConnectorConnected || b.service.NextSync(c).IsZero() {
			t.Errorf("resumed, it is %q and due at %v", c.Status, b.service.NextSync(c))
		}
	})
}

func TestAPullThatIsPausedGoesOnWhereItStood(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		source := &play{failAt: -1, pages: []integration.Page{people(5), {Step: "b"}, {Step: "c"}}}
		b := newBench(t, s, source)
		by := gatehouse.Actor{Kind: gatehouse.ActorUser, Name: "test"}
		source.set(func(p *play) { // the pause comes while the second page is read
			p.before = func(i int) {
				if i == 1 {
					b.update(func(tx *store.Tx) error { return b.service.Pause(tx, by, b.connector) })
				}
			}
		})
		if got := b.sync(); got != "done" {
			t.Fatal(got)
		}
		c, p, n := b.look()
		if c.Status != gatehouse.ConnectorPaused || p.State != gatehouse.PullRunning || p.Checkpoint != "1" || n.Accounts != 0 {
			t.Errorf("connector %+v, pull %+v, current %+v", c, p, n)
		}
		source.set(func(p *play) { p.before = nil })
		b.update(func(tx *store.Tx) error { return b.service.Resume(tx, by, b.connector) })
		if got := b.wait("access.pull"); got != "done" {
			t.Fatal(got)
		}
		if c, again, n := b.look(); again.ID != p.ID || again.State != gatehouse.PullDone || n.Accounts != 5 || c.Status != gatehouse.ConnectorConnected {
			t.Errorf("connector %+v, pull %+v, current %+v", c, again, n)
		}
		if diff := cmp.Diff([]integration.Checkpoint{"", "1"}, source.froms); diff != "" {
			t.Errorf("where it was read from: %s", diff)
		}
	})
}

func TestNextSync(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, time.November, 21, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name string
		c    gatehouse.Connector
		want time.Time
	}{
		{"ByTheUsualInterval", gatehouse.Connector{Enabled: true, PulledAt: at, Status: gatehouse.ConnectorConnected}, at.Add(time.Hour)},
		{"ByItsOwn", gatehouse.Connector{Enabled: true, PulledAt: at, Schedule: "30m"}, at.Add(30 * time.Minute)},
		{"ByTheClock", gatehouse.Connector{Enabled: true, PulledAt: at, Schedule: "0 3 * * *", TimeZone: "Asia/Shanghai"}, at.Add(7 * time.Hour)},
		{"Disabled", gatehouse.Connector{PulledAt: at}, time.Time{}},
		{"Paused", gatehouse.Connector{Enabled: true, PulledAt: at, Status: gatehouse.ConnectorPaused}, time.Time{}},
		{"WithoutAToken", gatehouse.Connector{Enabled: true, Status: gatehouse.ConnectorNotConfigured, CreatedAt: at}, time.Time{}},
		{"NeverPulled", gatehouse.Connector{Enabled: true, Status: gatehouse.ConnectorNotConfigured, Token: "t", CreatedAt: at}, at},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := (&Service{}).NextSync(tt.c); !got.Equal(tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}
