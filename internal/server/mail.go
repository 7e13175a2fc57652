package server

import (
	"strings"

	"gatehouse/internal/mail"
	"gatehouse/internal/self"
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

// ownSelf is what people may do with their own user.
func (s *Server) ownSelf() *self.Self {
	return &self.Self{
		Users: s.users, Credentials: s.credentials, Tokens: s.provided, URL: s.config.URL, MayHave: s.users.MayHaveAddress,
		KeepAccounts: s.config.KeepAccounts, Metrics: s.meters,
	}
}

// mailboxPath is where mail is kept to be read, "" where it is sent.
func (s *Server) mailboxPath() string {
	if !s.mailer.Mailbox {
		return ""
	}
	return mailbox.Path
}

// mailboxPages are there only where mail is kept to be read.
func (s *Server) mailboxPages() []mounter {
	if !s.mailer.Mailbox {
		return nil
	}
	_, host, _ := strings.Cut(s.config.URL, "://")
	return []mounter{&mailbox.Mailbox{UI: s.ui, Mail: s.mailer, Host: host}}
}
