package mail

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/config"
)

// smtpd is a mail server on loopback that does as it is told. The zero faults
// take every mail.
type smtpd struct {
	t        *testing.T
	listener net.Listener
	security *tls.Config
	roots    *x509.CertPool
	quit     chan struct{}
	all      sync.WaitGroup

	// What it does. Set before anything is sent.
	implicit   bool              // TLS from the first byte
	noStartTLS bool              // STARTTLS is not offered
	offers     string            // mechanisms of AUTH; "" = none
	answers    map[string]string // to commands ("MAIL", "RCPT", "DATA", ".", "AUTH", "EHLO"); the line without its end
	hangs      string            // the command after which it says nothing more ("" = none; "greeting")
	talks      bool              // it never stops talking
	drops      string            // the command after which it hangs up

	mu    sync.Mutex
	mails []received
	conns map[net.Conn]bool
}

// received is a mail that came.
type received struct {
	From, To, Data string
	TLS            bool
	User, Password string
}

func newSMTPD(t *testing.T) *smtpd {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &smtpd{t: t, listener: l, quit: make(chan struct{}), answers: map[string]string{}, conns: map[net.Conn]bool{}}
	s.security, s.roots = certificate(t)
	t.Cleanup(s.close)
	return s
}

// start serves, and says how to reach it.
func (s *smtpd) start(mode string) server {
	s.all.Go(func() {
		for {
			c, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns[c] = true
			s.mu.Unlock()
			s.all.Go(func() { s.talk(c) })
		}
	})
	port := s.listener.Addr().(*net.TCPAddr).Port
	return server{
		SMTP:  config.SMTP{Host: "127.0.0.1", Port: port, TLS: mode, From: "Gatehouse <id@gatehouse.example>"},
		roots: s.roots, step: 5 * time.Second,
	}
}

func (s *smtpd) close() {
	_ = s.listener.Close()
	close(s.quit)
	s.mu.Lock()
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.all.Wait()
}

func (s *smtpd) received() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received{}, s.mails...)
}

// session is one conversation.
type session struct {
	*smtpd
	conn net.Conn
	in   *bufio.Reader
	mail received
}

func (s *smtpd) talk(c net.Conn) {
	defer c.Close()
	x := &session{smtpd: s, conn: c}
	if s.implicit {
		x.conn = tls.Server(c, s.security)
		x.mail.TLS = true
	}
	x.in = bufio.NewReader(x.conn)
	if s.hangs == "greeting" {
		<-s.quit
		return
	}
	for s.talks {
		if _, err := io.WriteString(x.conn, "220-"+strings.Repeat("x", 900)+"\r\n"); err != nil {
			return
		}
	}
	x.say("220 fake.example ESMTP")
	for {
		line, err := x.in.ReadString('\n')
		if err != nil || !x.answer(strings.TrimRight(line, "\r\n")) {
			return
		}
	}
}

func (x *session) say(line string) { _, _ = io.WriteString(x.conn, line+"\r\n") }

func (x *session) answer(line string) bool {
	verb, rest, _ := strings.Cut(line, " ")
	verb = strings.ToUpper(verb)
	if verb == x.hangs {
		<-x.quit
		return false
	}
	if a := x.answers[verb]; a != "" {
		x.say(a)
		return verb != x.drops
	}
	switch verb {
	case "EHLO":
		x.greet()
	case "STARTTLS":
		x.say("220 go on")
		x.conn = tls.Server(x.conn, x.security)
		x.in = bufio.NewReader(x.conn)
		x.mail.TLS = true
	case "AUTH":
		x.auth(rest)
	case "DATA":
		return x.data()
	case "QUIT":
		x.say("221 bye")
		return false
	case "MAIL":
		x.mail.From = rest
		x.say("250 ok")
	case "RCPT":
		x.mail.To = rest
		x.say("250 ok")
	default:
		x.say("250 ok")
	}
	return verb != x.drops
}

func (x *session) greet() {
	lines := []string{"fake.example"}
	if !x.noStartTLS && !x.mail.TLS {
		lines = append(lines, "STARTTLS")
	}
	if x.offers != "" {
		lines = append(lines, "AUTH "+x.offers)
	}
	for i, l := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		x.say("250" + sep + l)
	}
}

func (x *session) auth(rest string) {
	kind, initial, _ := strings.Cut(rest, " ")
	decode := func(s string) string {
		b, _ := base64.StdEncoding.DecodeString(s)
		return string(b)
	}
	ask := func(question string) string {
		x.say("334 " + base64.StdEncoding.EncodeToString([]byte(question)))
		line, _ := x.in.ReadString('\n')
		return decode(strings.TrimRight(line, "\r\n"))
	}
	switch kind {
	case "PLAIN":
		parts := strings.Split(decode(initial), "\x00")
		if len(parts) == 3 {
			x.mail.User, x.mail.Password = parts[1], parts[2]
		}
	case "LOGIN":
		x.mail.User, x.mail.Password = ask("Username:"), ask("Password:")
	}
	x.say("235 welcome")
}

func (x *session) data() bool {
	x.say("354 go on")
	var b strings.Builder
	for {
		line, err := x.in.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
	if a := x.answers["."]; a != "" {
		x.say(a)
		return true
	}
	x.mail.Data = b.String()
	x.mu.Lock()
	x.mails = append(x.mails, x.mail)
	x.mu.Unlock()
	x.say("250 taken")
	return x.drops != "."
}

// certificate is one for 127.0.0.1 that only the pool trusts.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "fake"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}, pool
}

func (r received) String() string { return fmt.Sprintf("%s %s tls=%v", r.From, r.To, r.TLS) }
