package main

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
)

// takesMail is a mail server for one conversation, without TLS. It says answer to
// RCPT, and gives what it was sent.
func takesMail(t *testing.T, answer string) (port int, got <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	all := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		all <- converse(c, answer)
	}()
	return l.Addr().(*net.TCPAddr).Port, all
}

func converse(c net.Conn, answer string) string {
	var text strings.Builder
	in, data := bufio.NewReader(c), false
	fmt.Fprint(c, "220 fake\r\n")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return text.String()
		}
		text.WriteString(line)
		switch verb, _, _ := strings.Cut(strings.TrimSpace(line), " "); {
		case data && line == ".\r\n":
			data = false
			fmt.Fprint(c, "250 taken\r\n")
		case data:
		case verb == "DATA":
			data = true
			fmt.Fprint(c, "354 go on\r\n")
		case verb == "RCPT":
			fmt.Fprint(c, answer+"\r\n")
		case verb == "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return text.String()
		default:
			fmt.Fprint(c, "250 ok\r\n")
		}
	}
}

func mailPlace(t *testing.T, smtp string) *place {
	t.Helper()
	return newPlace(t, "url: https://id.example.com\n"+smtp)
}

func TestMailTest(t *testing.T) {
	t.Parallel()
	t.Run("Taken", func(t *testing.T) {
		t.Parallel()
		port, got := takesMail(t, "250 ok")
		p := mailPlace(t, fmt.Sprintf("smtp: {host: 127.0.0.1, port: %d, tls: none, from: Gatehouse <id@example.com>}\n", port))
		p.does("mail test Me@Example.com", "took the mail to me@example.com", fmt.Sprintf("port %d", port))
		if text := <-got; !strings.Contains(text, "RCPT TO:<me@example.com>") || !strings.Contains(text, "Subject: Mail from Gatehouse arrives") {
			t.Errorf("it was sent:\n%s", text)
		}
	})
	t.Run("Refused", func(t *testing.T) {
		t.Parallel()
		port, _ := takesMail(t, "550 5.1.1 nobody of that name")
		p := mailPlace(t, fmt.Sprintf("smtp: {host: 127.0.0.1, port: %d, tls: none, from: id@example.com}\n", port))
		p.fails("mail test me@example.com", exitFailed, "the mail was not sent", "550", "nobody of that name")
	})
	t.Run("NotSetUp", func(t *testing.T) {
		t.Parallel()
		mailPlace(t, "").fails("mail test me@example.com", exitUsage, "no section smtp")
	})
	t.Run("NoAddress", func(t *testing.T) {
		t.Parallel()
		p := mailPlace(t, "smtp: {host: 127.0.0.1, from: id@example.com}\n")
		p.fails("mail test", exitUsage, "needs one address")
		p.fails("mail test nobody", exitUsage, "is no e-mail address")
	})
}
