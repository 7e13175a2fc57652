package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/mail"
)

func (c *cli) mail() *cobra.Command {
	return group("mail", "See whether mail can be sent", c.mailTest())
}

// mailTestTime bounds the test as a whole.
const mailTestTime = time.Minute

func (c *cli) mailTest() *cobra.Command {
	locale := ""
	cmd := c.withConfig(&cobra.Command{
		Use:   "test ADDRESS",
		Short: "Send a short mail by the mail server of the configuration, and say what came of it",
		Long: `Sends a short mail to an address by the mail server that the section smtp of the
configuration names, at once, and says what the server answered. It needs neither
the database nor a running server.`,
		Example: "  gatehouse mail test me@example.com",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("%s needs one address, as in %s me@example.com", cmd.CommandPath(), cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			log, err := c.logger(slog.LevelWarn)
			if err != nil {
				return err
			}
			read, err := c.load(log)
			if err != nil {
				return err
			}
			return c.sendTest(cmd, &mail.Mailer{SMTP: read.SMTP, URL: read.URL, Clock: c.clock}, args[0], locale)
		},
	})
	cmd.Flags().StringVar(&locale, "locale", "en", "language of the mail: en or zh-CN")
	return cmd
}

func (c *cli) sendTest(cmd *cobra.Command, m *mail.Mailer, to, locale string) error {
	switch {
	case m.SMTP.Host == "":
		return usageError{errors.New("no mail server is set up: the configuration has no section smtp")}
	case mail.CleanAddress(to) == "":
		return usageError{fmt.Errorf("%q is no e-mail address", to)}
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), mailTestTime)
	defer cancel()
	server := fmt.Sprintf("%s, port %d, tls: %s", m.SMTP.Host, m.SMTP.Port, m.SMTP.TLS)
	if err := m.Test(ctx, to, locale); err != nil {
		return fmt.Errorf("the mail was not sent (%s): %w", server, err)
	}
	p := &printer{to: c.out, zone: c.zone()}
	p.line("The mail server took the mail to %s (%s). Look whether it arrives.", mail.CleanAddress(to), server)
	return p.err
}
