package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"gatehouse/internal/config"
)

// Bounds of a conversation with a mail server. It says little, and soon; a slow
// one must not hold others up.
const (
	stepTime    = 15 * time.Second // of getting in, and again of handing over
	maxAnswers  = 256 << 10        // of all that the server says, in bytes
	maxComplain = 200              // of what it says about a failure, in bytes
)

// server is a mail server as it is set up.
type server struct {
	config.SMTP
	roots *x509.CertPool // nil: the system's
	step  time.Duration  // 0: stepTime
}

// envelope is a letter on its way.
type envelope struct {
	Letter
	ID   string // of the Message-ID, the same at every attempt
	To   string
	Date time.Time
}

// failure is why a mail was not taken.
type failure struct {
	Code  int // the server's; 0: it did not come to that
	Text  string
	Final bool // trying again will not help
}

// Error is for error.
func (f *failure) Error() string {
	if f.Code == 0 {
		return f.Text
	}
	return "the mail server answered " + strconv.Itoa(f.Code) + " " + f.Text
}

// deliver hands an envelope to the server. A mail that the server took is
// delivered, whatever happens after that. Everything else is a *failure.
func (s server) deliver(ctx context.Context, e envelope) error {
	m, err := s.write(e)
	if err != nil {
		return &failure{Text: oneLine(err.Error(), maxComplain), Final: true}
	}
	c, err := s.client(ctx)
	if err != nil {
		return &failure{Text: oneLine(err.Error(), maxComplain)}
	}
	err = c.DialAndSendWithContext(ctx, m)
	if err == nil || m.IsDelivered() {
		return nil
	}
	return refused(err)
}

// refused tells apart what the server says of this mail (5xx: never) from what
// may be different later: that it is away, full, or does not let us in.
func refused(err error) *failure {
	var send *gomail.SendError
	f := &failure{Text: oneLine(err.Error(), maxComplain)}
	var said *textproto.Error
	if errors.As(err, &said) {
		f.Code, f.Text = said.Code, oneLine(said.Msg, maxComplain)
	}
	if !errors.As(err, &send) {
		return f
	}
	if code := send.ErrorCode(); code != 0 && f.Code == 0 {
		f.Code = code
	}
	f.Final = f.Code >= 500 && f.Code < 600
	return f
}

func (s server) write(e envelope) (*gomail.Msg, error) {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := m.From(s.From); err != nil {
		return nil, fmt.Errorf("smtp.from is no address: %w", err)
	}
	if err := m.To(e.To); err != nil {
		return nil, errors.New("the address of the person is none")
	}
	m.Subject(e.Subject)
	m.SetMessageIDWithValue(e.ID + "@" + s.domain())
	m.SetDateWithValue(e.Date)
	// RFC 3834: nobody's autoresponder answers this; the second is Exchange's.
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetGenHeader("X-Auto-Response-Suppress", "All")
	m.SetGenHeader("Content-Language", string(e.Lang))
	m.SetBodyString(gomail.TypeTextPlain, e.Text)
	m.AddAlternativeString(gomail.TypeTextHTML, e.HTML)
	return m, nil
}

// domain is that of the sender's address.
func (s server) domain() string {
	_, domain, _ := strings.Cut(strings.TrimSuffix(s.From, ">"), "@")
	return cmp.Or(domain, "localhost")
}

func (s server) client(ctx context.Context) (*gomail.Client, error) {
	security := &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12, RootCAs: s.roots}
	o := []gomail.Option{
		gomail.WithPort(s.Port), gomail.WithTimeout(cmp.Or(s.step, stepTime)), gomail.WithTLSConfig(security),
		gomail.WithoutNoop(), gomail.WithoutSMTPUTF8(), gomail.WithDialContextFunc(s.dial(security)),
	}
	policy := gomail.NoTLS
	if s.TLS == config.SMTPStartTLS {
		policy = gomail.TLSMandatory
	}
	o = append(o, gomail.WithTLSPolicy(policy))
	if s.Username != "" {
		o = append(o, gomail.WithSMTPAuthCustom(&login{server: s}))
	}
	return gomail.NewClient(s.Host, o...)
}

// dial connects with what ends the conversation when ctx does, and bounds it.
func (s server) dial(security *tls.Config) gomail.DialContextFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		var d net.Dialer
		plain, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		bounded := &boundedConn{Conn: plain, left: maxAnswers}
		if s.TLS != config.SMTPImplicitTLS {
			return bounded, nil
		}
		c := tls.Client(bounded, security)
		if err := c.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, plain.Close())
		}
		return c, nil
	}
}

// boundedConn reads only so much of a server that does not stop talking.
type boundedConn struct {
	net.Conn
	left int
}

// Read is for net.Conn.
func (c *boundedConn) Read(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, fmt.Errorf("the mail server says too much: %w", io.ErrShortBuffer)
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}

// login proves who we are in the safest of the ways that the server offers. In
// clear the password goes only where the configuration says "tls: none".
type login struct {
	server
	chosen smtp.Auth
}

// Start is for smtp.Auth.
func (l *login) Start(info *smtp.ServerInfo) (string, []byte, error) {
	offers := func(name string) bool {
		return slices.ContainsFunc(info.Auth, func(a string) bool { return strings.EqualFold(a, name) })
	}
	inClear := l.TLS == config.SMTPNoTLS
	switch {
	case offers("SCRAM-SHA-256"):
		l.chosen = smtp.ScramSHA256Auth(l.Username, l.Password)
	case offers("PLAIN"):
		l.chosen = smtp.PlainAuth("", l.Username, l.Password, l.Host, inClear)
	case offers("LOGIN"):
		l.chosen = smtp.LoginAuth(l.Username, l.Password, l.Host, inClear)
	case offers("CRAM-MD5"):
		l.chosen = smtp.CRAMMD5Auth(l.Username, l.Password)
	default:
		return "", nil, errors.New("the mail server offers no way to sign in that we know (SCRAM-SHA-256, PLAIN, LOGIN, CRAM-MD5)")
	}
	return l.chosen.Start(info)
}

// Next is for smtp.Auth.
func (l *login) Next(fromServer []byte, more bool) ([]byte, error) {
	return l.chosen.Next(fromServer, more)
}
