package main

import (
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/pats"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

func TestTokensOfSomebody(t *testing.T) {
	t.Parallel()
	p := people(t)
	p.does("tokens list olga", "There are none.")
	p.does("users approve li.na")
	made := decoded[tokenJSON](p, "tokens create --user olga --name backup --scopes read_api,api --expires-in 48h")
	if !pats.Is(made.Token) || made.Username != "olga" || strings.Join(made.Scopes, " ") != "read_api api" || made.ExpiresAt.Sub(made.CreatedAt) != 48*time.Hour {
		t.Fatalf("made %+v", made)
	}
	p.update(func(tx *store.Tx, _ *users.Users) error {
		_, u, err := pats.Look(tx, made.Token)
		if u.Username != "olga" {
			t.Errorf("the token is of %q", u.Username)
		}
		return err
	})
	s := p.does("token create --user li.na --name deploy --scopes read_user")
	if !pats.Is(strings.TrimSpace(s.out)) {
		t.Errorf("printed %q, and not the token alone", s.out)
	}
	list := p.does("tokens list olga", "backup", made.Hint, "read_api api")
	if strings.Contains(list.out, made.Token) {
		t.Error("the list shows the token")
	}
	if all := decoded[[]tokenJSON](p, "tokens list olga"); len(all) != 1 || all[0].Token != "" || all[0].ID != made.ID {
		t.Errorf("as JSON: %+v", all)
	}
	p.does("tokens revoke olga "+made.ID, "The token of olga is revoked.")
	p.does("tokens list olga", "There are none.")
	p.update(func(tx *store.Tx, _ *users.Users) error {
		if _, _, err := pats.Look(tx, made.Token); gatehouse.KindOf(err) != gatehouse.Unauthorized {
			t.Errorf("the token lives: %v", err)
		}
		events, err := tx.Events(store.EventFilter{Action: "personal_token."}, store.Cursor{})
		for _, e := range events.Items {
			if e.Actor.Kind != gatehouse.ActorOperator {
				t.Errorf("%s by %s", e.Action, e.Actor.Kind)
			}
		}
		if len(events.Items) != 3 {
			t.Errorf("%d lines in the audit log", len(events.Items))
		}
		return err
	})
}

func TestTokensThatCannotBe(t *testing.T) {
	t.Parallel()
	p := people(t)
	for args, want := range map[string]string{
		"tokens create --name backup --scopes api":                                   "--user is missing",
		"tokens create --user olga --scopes api":                                     "--name is missing",
		"tokens create --user olga --name backup":                                    "--scopes is missing",
		"tokens revoke olga":                                                         "tokens revoke needs USER and TOKEN",
		"tokens create --user olga --name backup --scopes api --expires-in tomorrow": "invalid argument",
	} {
		p.fails(args, exitUsage, want)
	}
	for args, want := range map[string]string{
		"tokens create --user olga --name backup --scopes sudo":                   "read_user, read_api and api",
		"tokens create --user olga --name backup --scopes api --expires-in -1h":   "within 365 days",
		"tokens create --user olga --name backup --scopes api --expires-in 9000h": "within 365 days",
		"tokens create --user li.na --name backup --scopes api":                   "Only somebody who may come in",
		"tokens create --user nobody --name backup --scopes api":                  "nobody",
		"tokens revoke olga 0199c2b1-7c2e-7d31-9c55-0b8a3e0f2d11":                 "There is no such token",
		"tokens list nobody": "nobody",
	} {
		p.fails(args, exitFailed, want)
	}
}
