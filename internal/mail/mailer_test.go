package mail

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse"
	"gatehouse/internal/config"
	"gatehouse/internal/jobs"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// office is a mailer with its jobs.
type office struct {
	*Mailer
	t     *testing.T
	store *store.Store
	ended chan string // outcomes of attempts

	mu     sync.Mutex
	counts map[string]int
}

func (o *office) Count(name string, labels ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.counts[name+" "+strings.Join(labels, "=")]++
}

func (o *office) Observe(string, time.Duration, ...string) {}

// run opens a mailer and its runner. set may change it before.
func run(t *testing.T, s *store.Store, set func(*Mailer)) *office {
	t.Helper()
	o := &office{t: t, store: s, ended: make(chan string, 100), counts: map[string]int{}}
	o.Mailer = &Mailer{Store: s, URL: "https://id.example.com", Metrics: o}
	set(o.Mailer)
	r := &jobs.Runner{Store: s, Observe: func(_, outcome string, _ time.Duration) { o.ended <- outcome }}
	o.Register(r)
	ended := make(chan error, 1)
	ctx, stop := contextOf(t)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return o
}

func (o *office) send(m Message) {
	o.t.Helper()
	if err := o.store.Update(o.t.Context(), func(tx *store.Tx) error { return Send(tx, m) }); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) expect(outcome string) {
	o.t.Helper()
	select {
	case got := <-o.ended:
		if got != outcome {
			o.t.Fatalf("the attempt was %s, want %s", got, outcome)
		}
	case <-time.After(30 * time.Second):
		o.t.Fatalf("no attempt was %s in time", outcome)
	}
}

func (o *office) counted(outcome string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.counts["mail outcome="+outcome]
}

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(context.WithoutCancel(t.Context()))
}

func by(s server) func(*Mailer) {
	return func(m *Mailer) { m.SMTP, m.server = s.SMTP, func() server { return s } }
}

func TestSendIsSentOnceAndLeavesNothingToRead(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newSMTPD(t)
		o := run(t, s, by(d.start(config.SMTPStartTLS)))
		o.send(test("en"))
		o.expect("done")
		if got := d.received(); len(got) != 1 {
			t.Fatalf("received %v", got)
		}
		err := s.View(t.Context(), func(tx *store.Tx) error {
			all, err := tx.Jobs("mail.send", "done", store.Cursor{})
			if err != nil || len(all.Items) != 1 {
				t.Fatalf("jobs %+v, %v", all, err)
			}
			if args := string(all.Items[0].Args); strings.Contains(args, "token") || strings.Contains(args, "@") {
				t.Errorf("the job says %s", args)
			}
			id := strings.Trim(strings.TrimPrefix(string(all.Items[0].Args), `{"mail":`), `"}`)
			row, err := tx.Mail(id)
			if row.Message != nil || row.State != "sent" {
				t.Errorf("left over: %+v", row)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if o.counted("sent") != 1 {
			t.Errorf("counted %v", o.counts)
		}
	})
}

func TestNothingIsSentOfWhatDidNotHappen(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newSMTPD(t)
		o := run(t, s, by(d.start(config.SMTPStartTLS)))
		undone := errors.New("undone")
		if err := s.Update(t.Context(), func(tx *store.Tx) error { return errors.Join(Send(tx, test("en")), undone) }); !errors.Is(err, undone) {
			t.Fatal(err)
		}
		o.send(test("en")) // and then one that does
		o.expect("done")
		if got := d.received(); len(got) != 1 {
			t.Errorf("received %v", got)
		}
	})
}

func TestSendRefuses(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	for name, change := range map[string]func(*Message){
		"no address":      func(m *Message) { m.To = "zhang" },
		"two addresses":   func(m *Message) { m.To = "a@b.example,c@d.example" },
		"header":          func(m *Message) { m.To = "a@b.example\nBcc: c@d.example" },
		"no subject":      func(m *Message) { m.Subject = gatehouse.Note{} },
		"no body":         func(m *Message) { m.Body = nil },
		"endless body":    func(m *Message) { m.Body = make([]gatehouse.Note, 100) },
		"relative link":   func(m *Message) { m.Link = "/user" },
		"script as link":  func(m *Message) { m.Link = "javascript:alert(1)" },
		"link, no button": func(m *Message) { m.Button = gatehouse.Note{} },
		"endless link":    func(m *Message) { m.Link += strings.Repeat("x", 3000) },
	} {
		m := test("en")
		change(&m)
		err := s.Update(t.Context(), func(tx *store.Tx) error { return Send(tx, m) })
		if !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPermanentNoEndsAMailInTheAuditLog(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newSMTPD(t)
		d.answers["RCPT"] = "550 5.1.1 no such user"
		o := run(t, s, by(d.start(config.SMTPStartTLS)))
		o.send(test("en"))
		o.expect("failed")
		events := o.failures()
		if len(events) != 1 || events[0].Details["to"] != "zhang@example.com" || !strings.Contains(events[0].Details["reason"], "550") {
			t.Errorf("audit log: %+v", events)
		}
		if o.counted("failed") != 1 {
			t.Errorf("counted %v", o.counts)
		}
	})
}

func (o *office) failures() []gatehouse.Event {
	o.t.Helper()
	var events store.Page[gatehouse.Event]
	err := o.store.View(o.t.Context(), func(tx *store.Tx) (err error) {
		events, err = tx.Events(store.EventFilter{Action: "mail.failed"}, store.Cursor{})
		return err
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return events.Items
}

func TestATemporaryNoIsTriedAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newSMTPD(t)
		d.answers["RCPT"] = "451 later"
		o := run(t, s, by(d.start(config.SMTPStartTLS)))
		o.send(test("en"))
		o.expect("retried")
		if o.counted("retried") != 1 || len(o.failures()) != 0 {
			t.Errorf("counted %v, audit log %v", o.counts, o.failures())
		}
	})
}

func TestTheLastAttemptEndsAMail(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	d := newSMTPD(t)
	d.answers["RCPT"] = "451 later"
	o := run(t, s, by(d.start(config.SMTPStartTLS)))
	update(t, s, func(tx *store.Tx) error {
		row := store.MailRow{Address: "zhang@example.com", Message: []byte(`{"to":"zhang@example.com","subject":{"text":"a"},"body":[{"text":"b"}]}`)}
		if err := tx.AddMail(&row); err != nil {
			return err
		}
		_, err := jobs.Add(tx, sendArgs{Mail: row.ID}, jobs.Options{MaxAttempts: 1})
		return err
	})
	o.expect("failed")
	if len(o.failures()) != 1 {
		t.Errorf("audit log: %+v", o.failures())
	}
}

func update(t *testing.T, s *store.Store, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// TestWithoutAServer: in development mails are kept to be read; otherwise they
// are dropped, and nothing breaks.
func TestWithoutAServer(t *testing.T) {
	t.Parallel()
	for name, mailbox := range map[string]bool{"development": true, "for real": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				o := run(t, s, func(m *Mailer) { m.Mailbox = mailbox })
				if o.Ready() != mailbox {
					t.Errorf("ready: %v", o.Ready())
				}
				o.send(test("en"))
				o.expect("done")
				letters, err := o.Letters(t.Context(), store.Cursor{})
				if err != nil {
					t.Fatal(err)
				}
				if !mailbox {
					if len(letters.Items) != 0 || o.counted("no_server") != 1 {
						t.Errorf("kept %+v, counted %v", letters, o.counts)
					}
					return
				}
				if len(letters.Items) != 1 || letters.Items[0].To != "zhang@example.com" || !strings.Contains(letters.Items[0].Text, "token=abc") {
					t.Fatalf("kept %+v", letters)
				}
				one, err := o.Kept(t.Context(), letters.Items[0].ID)
				if err != nil || one.Subject != "Mail from Gatehouse arrives" {
					t.Errorf("got %+v, %v", one, err)
				}
				if _, err := o.Kept(t.Context(), "nothing"); !errors.Is(err, gatehouse.NotFound) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// TestAnAddressGetsSoManyMails: whatever is added, one address is written to a
// bounded number of times in an hour; others are not held up by it.
func TestAnAddressGetsSoManyMails(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	o := run(t, s, func(m *Mailer) { m.Mailbox = true })
	for range Hourly {
		o.send(test("en"))
		o.expect("done")
	}
	o.send(test("en"))
	o.expect("done")
	other := test("en")
	other.To = "other@example.com"
	o.send(other)
	o.expect("done")
	if o.counted("limited") != 1 || o.counted("kept") != Hourly+1 {
		t.Errorf("counted %v", o.counts)
	}
}

// TestStrangersLeaveRoomForWarnings: who adds somebody's address again and again
// does not keep the mails from them that warn.
func TestStrangersLeaveRoomForWarnings(t *testing.T) {
	t.Parallel()
	o := run(t, storetest.Open(t), func(m *Mailer) { m.Mailbox = true })
	for range HourlyUnproven + 2 {
		m := test("en")
		m.Unproven = true
		o.send(m)
		o.expect("done")
	}
	o.send(test("en"))
	o.expect("done")
	if o.counted("limited") != 2 || o.counted("kept") != HourlyUnproven+1 {
		t.Errorf("counted %v", o.counts)
	}
}

func TestAServerThatHangsKeepsFewWorkers(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	d := newSMTPD(t)
	d.hangs = "greeting"
	o := run(t, s, by(d.start(config.SMTPStartTLS)))
	for i := range atOnce + 1 {
		m := test("en")
		m.To = fmt.Sprintf("u%d@example.com", i)
		o.send(m)
	}
	o.expect("snoozed") // the third waits without a worker; that the others end in time is TestDeliverFails
}

func TestTest(t *testing.T) {
	t.Parallel()
	d := newSMTPD(t)
	s := d.start(config.SMTPStartTLS)
	m := &Mailer{URL: "https://id.example.com"}
	if err := m.Test(t.Context(), "a@b.example", "en"); !errors.Is(err, gatehouse.Invalid) {
		t.Errorf("without a server: %v", err)
	}
	by(s)(m)
	if err := m.Test(t.Context(), "nobody", "en"); !errors.Is(err, gatehouse.Invalid) {
		t.Errorf("to nobody: %v", err)
	}
	if err := m.Test(t.Context(), "a@b.example", "zh-CN"); err != nil {
		t.Error(err)
	}
	if got := d.received(); len(got) != 1 || !strings.Contains(got[0].To, "a@b.example") {
		t.Errorf("received %v", got)
	}
}
