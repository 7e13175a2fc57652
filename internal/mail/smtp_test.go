package mail

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/config"
)

func letter(t *testing.T, m Message) Letter {
	t.Helper()
	l, err := m.Read("https://id.example.com")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func test(locale string) Message {
	return Message{
		To: "zhang@example.com", Locale: locale, Subject: gatehouse.Notef("Mail from Gatehouse arrives"),
		Body: []gatehouse.Note{gatehouse.Notef("This is a test. Gatehouse can send mail to this address.")},
		Link: "https://id.example.com/user/verify?token=abc&x=<y>", Button: gatehouse.Notef("Open"),
	}
}

func deliver(t *testing.T, s server) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return s.deliver(ctx, envelope{
		Letter: letter(t, test("zh-CN")), ID: "0191", To: "zhang@example.com", Date: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	})
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mode string
		set  func(*smtpd)
		use  func(*server)
		want func(*testing.T, received)
	}{
		"StartTLS": {config.SMTPStartTLS, nil, nil, func(t *testing.T, r received) {
			if !r.TLS {
				t.Error("the mail went in clear")
			}
		}},
		"ImplicitTLS": {config.SMTPImplicitTLS, func(s *smtpd) { s.implicit = true }, nil, func(t *testing.T, r received) {
			if !r.TLS {
				t.Error("the mail went in clear")
			}
		}},
		"InClear":      {config.SMTPNoTLS, nil, nil, nil},
		"AuthPlain":    {config.SMTPStartTLS, func(s *smtpd) { s.offers = "PLAIN LOGIN" }, withPassword, signedIn},
		"AuthLogin":    {config.SMTPStartTLS, func(s *smtpd) { s.offers = "LOGIN" }, withPassword, signedIn},
		"AuthImplicit": {config.SMTPImplicitTLS, func(s *smtpd) { s.offers, s.implicit = "PLAIN", true }, withPassword, signedIn},
		"AuthInClear":  {config.SMTPNoTLS, func(s *smtpd) { s.offers = "PLAIN" }, withPassword, signedIn},
		// The server has it: sending again would be a second mail.
		"HangsUpAfterTakingIt": {config.SMTPStartTLS, func(s *smtpd) { s.drops = "." }, nil, nil},
		"RefusesToReset":       {config.SMTPStartTLS, func(s *smtpd) { s.answers["RSET"] = "502 no" }, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newSMTPD(t)
			if c.set != nil {
				c.set(d)
			}
			s := d.start(c.mode)
			if c.use != nil {
				c.use(&s)
			}
			if err := deliver(t, s); err != nil {
				t.Fatalf("not delivered: %v", err)
			}
			got := d.received()
			if len(got) != 1 || !strings.Contains(got[0].From, "<id@gatehouse.example>") || !strings.Contains(got[0].To, "<zhang@example.com>") {
				t.Fatalf("received %v", got)
			}
			if c.want != nil {
				c.want(t, got[0])
			}
		})
	}
}

func withPassword(s *server) { s.Username, s.Password = "gatehouse", "pa ss\"wörd" }

func signedIn(t *testing.T, r received) {
	if r.User != "gatehouse" || r.Password != "pa ss\"wörd" {
		t.Errorf("signed in as %q with %q", r.User, r.Password)
	}
}

// TestDeliverFails: what the server says of the mail ends it; what may be
// different later does not; and nothing hangs.
func TestDeliverFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mode  string
		set   func(*smtpd)
		use   func(*server)
		final bool
		code  int
	}{
		"NoSuchPerson":      {config.SMTPStartTLS, says("RCPT", "550 5.1.1 no such user"), nil, true, 550},
		"PersonIsBusy":      {config.SMTPStartTLS, says("RCPT", "451 4.7.1 greylisted"), nil, false, 451},
		"SenderNotAllowed":  {config.SMTPStartTLS, says("MAIL", "553 not yours"), nil, true, 553},
		"DataRefused":       {config.SMTPStartTLS, says("DATA", "554 no"), nil, true, 554},
		"Spam":              {config.SMTPStartTLS, says(".", "554 5.7.1 looks like spam"), nil, true, 554},
		"Full":              {config.SMTPStartTLS, says(".", "452 4.3.1 disk full"), nil, false, 452},
		"WrongPassword":     {config.SMTPStartTLS, func(s *smtpd) { s.offers, s.answers["AUTH"] = "PLAIN", "535 5.7.8 wrong" }, withPassword, false, 535},
		"NoAuthOffered":     {config.SMTPStartTLS, nil, withPassword, false, 0},
		"NoStartTLSOffered": {config.SMTPStartTLS, func(s *smtpd) { s.noStartTLS = true }, nil, false, 0},
		"UnknownAuthority":  {config.SMTPStartTLS, nil, func(s *server) { s.roots = nil }, false, 0},
		"WrongName":         {config.SMTPStartTLS, nil, func(s *server) { s.Host = "localhost" }, false, 0},
		"ClearForTLS":       {config.SMTPImplicitTLS, nil, short, false, 0},
		"Hangs":             {config.SMTPStartTLS, func(s *smtpd) { s.hangs = "greeting" }, short, false, 0},
		"HangsLater":        {config.SMTPStartTLS, func(s *smtpd) { s.hangs = "RCPT" }, short, false, 0},
		"HangsAtData":       {config.SMTPStartTLS, func(s *smtpd) { s.hangs = "DATA" }, short, false, 0},
		"TalksForever":      {config.SMTPStartTLS, func(s *smtpd) { s.talks = true }, nil, false, 0},
		"HangsUp":           {config.SMTPStartTLS, func(s *smtpd) { s.drops = "MAIL" }, nil, false, 0},
		"Nobody":            {config.SMTPStartTLS, func(s *smtpd) { _ = s.listener.Close() }, nil, false, 0},
		"PasswordInClear":   {config.SMTPStartTLS, func(s *smtpd) { s.noStartTLS, s.offers = true, "PLAIN" }, withPassword, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newSMTPD(t)
			if c.set != nil {
				c.set(d)
			}
			s := d.start(c.mode)
			if c.use != nil {
				c.use(&s)
			}
			err := deliver(t, s)
			var no *failure
			if !errors.As(err, &no) {
				t.Fatalf("got %v", err)
			}
			if no.Final != c.final || no.Code != c.code {
				t.Errorf("final %v, code %d, want %v, %d: %v", no.Final, no.Code, c.final, c.code, err)
			}
			if s.Password != "" && strings.Contains(err.Error(), s.Password) || len(err.Error()) > 2*maxComplain || strings.Contains(err.Error(), "\n") {
				t.Errorf("said %q", err)
			}
			for _, r := range d.received() {
				t.Errorf("the server has %v", r)
			}
		})
	}
}

func says(verb, answer string) func(*smtpd) {
	return func(s *smtpd) { s.answers[verb] = answer }
}

func short(s *server) { s.step = 200 * time.Millisecond }

// TestLetterOnTheWire: what arrives is a well-formed mail in two parts, in the
// person's language, that no autoresponder answers.
func TestLetterOnTheWire(t *testing.T) {
	t.Parallel()
	d := newSMTPD(t)
	s := d.start(config.SMTPStartTLS)
	if err := deliver(t, s); err != nil {
		t.Fatal(err)
	}
	m, err := netmail.ReadMessage(strings.NewReader(d.received()[0].Data))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != "Gatehouse 的邮件可以送达" {
		t.Errorf("subject %q, %v", subject, err)
	}
	for header, want := range map[string]string{
		"From": `"Gatehouse" <id@gatehouse.example>`, "To": "<zhang@example.com>", "Message-Id": "<0191@gatehouse.example>",
		"Auto-Submitted": "auto-generated", "Mime-Version": "1.0", "Content-Language": "zh-CN", "X-Mailer": "", "User-Agent": "",
	} {
		if got := m.Header.Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	if at, err := m.Header.Date(); err != nil || !at.Equal(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)) {
		t.Errorf("date %v, %v", at, err)
	}
	parts := read(t, m)
	if text := parts["text/plain"]; !strings.Contains(text, "这是一封测试邮件") || !strings.Contains(text, "/user/verify?token=abc&x=<y>") {
		t.Errorf("text:\n%s", text)
	}
	if html := parts["text/html"]; !strings.Contains(html, `lang="zh-CN"`) || !strings.Contains(html, "token=abc&amp;x=%3cy%3e") {
		t.Errorf("html:\n%s", html)
	}
}

// read gives the parts of a mail by their type.
func read(t *testing.T, m *netmail.Message) map[string]string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("type %q, %v", kind, err)
	}
	parts := map[string]string{}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		text, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		parts[kind] = string(text)
	}
}

// TestNothingFromOutsideBreaksALetter: values may be any text.
func TestNothingFromOutsideBreaksALetter(t *testing.T) {
	t.Parallel()
	evil := "x\r\nBcc: victim@example.com\r\n\r\n<script>alert(1)</script>\x00\u202e" + strings.Repeat("长", 5000)
	m := test("en")
	m.Subject = gatehouse.Note{Text: "%s", Args: []any{evil}}
	m.Body = []gatehouse.Note{{Text: "%s", Args: []any{evil}}}
	m.Button = gatehouse.Note{Text: "%s", Args: []any{evil}}
	l := letter(t, m)
	if strings.ContainsAny(l.Subject, "\r\n\x00\u202e") || len(l.Subject) > maxSubject+3 {
		t.Errorf("subject %q", l.Subject)
	}
	if strings.Contains(l.HTML, "<script") || strings.Contains(l.Text, "\nBcc:") {
		t.Errorf("markup or headers of a stranger:\n%s\n%s", l.Text, l.HTML)
	}
	d := newSMTPD(t)
	s := d.start(config.SMTPStartTLS)
	if err := s.deliver(t.Context(), envelope{Letter: l, ID: "1", To: "zhang@example.com", Date: time.Now()}); err != nil {
		t.Fatal(err)
	}
	got, err := netmail.ReadMessage(strings.NewReader(d.received()[0].Data))
	if err != nil || got.Header.Get("Bcc") != "" {
		t.Errorf("%v, %v", got.Header, err)
	}
}

func TestDomainOfTheSender(t *testing.T) {
	t.Parallel()
	if got := (server{SMTP: config.SMTP{From: "nobody"}}).domain(); got != "localhost" {
		t.Errorf("domain %q", got)
	}
}
