package server

import (
	"strings"

	"gatehouse/internal/mail"
	"gatehouse/internal/web/mailbox"
)

// openMail makes what sends mail. Without a mail server development keeps it in
// a mailbox.
func (s *Server) openMail(o Options) {
	c := o.Config
	s.mailer = &mail.Mailer{
		Store: s.store, SMTP: c.SMTP, URL: c.URL, Mailbox: o.Development && c.SMTP.Host == "", Clock: o.Clock, Log: s.log, Metrics: s.meters,
	}
	s.mailer.Register(s.runner)
}

// mailboxPages are there only where mail is kept to be read.
func (s *Server) mailboxPages() []mounter {
	if !s.mailer.Mailbox {
		return nil
	}
	_, host, _ := strings.Cut(s.config.URL, "://")
	return []mounter{&mailbox.Mailbox{UI: s.ui, Mail: s.mailer, Host: host}}
}
