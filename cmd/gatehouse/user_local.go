package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/internal/server"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// newUser is what the flags of `users create` say.
type newUser struct {
	username, email, name string
	admin, stdin          bool
}

func (c *cli) usersCreate() *cobra.Command {
	var n newUser
	cmd := c.dataCommand(data{
		use: "create", short: "Make an account by hand that signs in with a password",
		long: `Make an account by hand that signs in with a username and a password. The
address counts as verified, since you say whose it is. An administrator sets up
an authenticator app at the first sign-in, or adds a passkey.

The password is read from standard input, up to the end of the first line. It has
8 characters or more, and is none that many people have.

It works while the server runs, and before its first start: the database and its
key file are made then.`,
		example: "  gatehouse users create --username olga --email olga@example.com --admin --password-stdin < password",
		make:    true,
		run: func(ctx context.Context, t *server.Tools, _ []string) error {
			if err := n.complete(); err != nil {
				return err
			}
			plain, err := c.passwordFromStdin()
			if err != nil {
				return err
			}
			u, err := c.createUser(ctx, t, n, plain)
			if err != nil {
				return err
			}
			return c.print(showUser(u), func(p *printer) {
				p.line("%s (%d) is made and may sign in at %s/sign-in.", u.Username, u.Number, t.URL())
			})
		},
	})
	f := cmd.Flags()
	f.StringVar(&n.username, "username", "", "small letters, digits, _, . and -")
	f.StringVar(&n.email, "email", "", "address, which counts as verified")
	f.StringVar(&n.name, "name", "", "name (default the username)")
	f.BoolVar(&n.admin, "admin", false, "with the role super_administrator")
	f.BoolVar(&n.stdin, "password-stdin", false, "read the password from standard input")
	return cmd
}

func (n newUser) complete() error {
	for _, missing := range []struct {
		is   bool
		flag string
	}{{n.username == "", "--username NAME"}, {n.email == "", "--email ADDRESS"}, {!n.stdin, "--password-stdin"}} {
		if missing.is {
			return usageError{fmt.Errorf("gatehouse users create needs %s; see gatehouse users create --help", missing.flag)}
		}
	}
	return nil
}

// longestLine bounds what is read of standard input.
const longestLine = 8 << 10

// passwordFromStdin is the password on standard input.
func (c *cli) passwordFromStdin() (string, error) { return c.secretFromStdin("password") }

// secretFromStdin is the first line of standard input, without its end.
func (c *cli) secretFromStdin(what string) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(c.in, longestLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the %s: %w", what, err)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", usageError{fmt.Errorf("there is no %s on standard input; give it there, followed by a line break", what)}
	}
	return line, nil
}

func (c *cli) createUser(ctx context.Context, t *server.Tools, n newUser, plain string) (u gatehouse.User, err error) {
	hash, err := t.Local.NewPassword(ctx, gatehouse.User{Username: n.username, Email: n.email}, plain)
	if err != nil {
		return u, err
	}
	role := gatehouse.RoleNone
	if n.admin {
		role = gatehouse.RoleSuperAdministrator
	}
	err = t.Store.Update(ctx, func(tx *store.Tx) error {
		u, err = t.Users.Make(tx, c.operator(), users.New{Username: n.username, Name: n.name, Email: n.email, EmailVerified: true, Role: role, Exactly: true})
		if err != nil {
			return err
		}
		return t.Local.SetPassword(tx, c.operator(), u.ID, hash, true)
	})
	return u, err
}

func (c *cli) usersResetPassword() *cobra.Command {
	var stdin bool
	var lost lost
	cmd := c.dataCommand(data{
		use: "reset-password USER", short: "Give a user another password; all sessions end",
		long: `Give a user another password, read from standard input. All sessions of the
user end, and pauses after wrong tries do. An authenticator app and passkeys stay,
since a password alone must not get past them, unless --remove-authenticator or
--remove-passkeys says that they are lost: recovery codes go with the app. An
administrator without both sets up an app at the next sign-in.

` + whichUser,
		example: "  gatehouse users reset-password olga --password-stdin < password", args: exactly("USER"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			if !stdin {
				return usageError{errors.New("gatehouse users reset-password needs --password-stdin; see gatehouse users reset-password --help")}
			}
			plain, err := c.passwordFromStdin()
			if err != nil {
				return err
			}
			u, err := c.resetPassword(ctx, t, args[0], plain, lost)
			if err != nil {
				return err
			}
			return c.print(showUser(u), func(p *printer) {
				p.line("%s (%d) has another password; all sessions have ended.", u.Username, u.Number)
			})
		},
	})
	cmd.Flags().BoolVar(&stdin, "password-stdin", false, "read the password from standard input")
	cmd.Flags().BoolVar(&lost.authenticator, "remove-authenticator", false, "remove the authenticator app and the recovery codes, too")
	cmd.Flags().BoolVar(&lost.passkeys, "remove-passkeys", false, "remove the passkeys, too")
	return cmd
}

// lost is what a user proved themselves by besides the password.
type lost struct{ authenticator, passkeys bool }

func (c *cli) resetPassword(ctx context.Context, t *server.Tools, name, plain string, lost lost) (u gatehouse.User, err error) {
	err = t.Store.View(ctx, func(tx *store.Tx) error {
		u, err = findUser(tx, name)
		return err
	})
	if err != nil {
		return u, err
	}
	hash, err := t.Local.NewPassword(ctx, u, plain)
	if err != nil {
		return u, err
	}
	by := c.operator()
	err = t.Store.Update(ctx, func(tx *store.Tx) error {
		if err := t.Local.SetPassword(tx, by, u.ID, hash, true); err != nil {
			return err
		}
		if lost.authenticator {
			if err := t.Local.RemoveAuthenticator(tx, by, u.ID); err != nil {
				return err
			}
		}
		if lost.passkeys {
			if err := t.Local.RemovePasskeys(tx, by, u.ID); err != nil {
				return err
			}
		}
		if _, err := t.Local.Unlock(tx, by, u.ID); err != nil {
			return err
		}
		_, err := t.Sessions.EndOthers(tx, by, u.ID, "")
		return err
	})
	return u, err
}

func (c *cli) usersUnlock() *cobra.Command {
	return c.dataCommand(data{
		use: "unlock USER", short: "End the pause that wrong passwords or codes brought about", long: "End the pause that wrong passwords or codes brought about.\n\n" + whichUser,
		example: "  gatehouse users unlock olga", args: exactly("USER"),
		run: func(ctx context.Context, t *server.Tools, args []string) error {
			var u gatehouse.User
			var was bool
			err := t.Store.Update(ctx, func(tx *store.Tx) (err error) {
				if u, err = findUser(tx, args[0]); err != nil {
					return err
				}
				was, err = t.Local.Unlock(tx, c.operator(), u.ID)
				return err
			})
			if err != nil {
				return err
			}
			said := "had no pause; nothing was changed"
			if was {
				said = "may try again"
			}
			return c.print(showUser(u), func(p *printer) { p.line("%s (%d) "+said+".", u.Username, u.Number) })
		},
	})
}
