package main

import (
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

func TestConnections(t *testing.T) {
	t.Parallel()
	const filed = "omniauth: {providers: [{name: gitlab, label: Our GitLab, app_id: the-id, app_secret: the-secret-of-it}]}\n"
	p := newPlace(t, plain(t)+filed)
	p.serves()
	p.update(func(tx *store.Tx, _ *users.Users) error {
		return tx.SaveConnection(&gatehouse.Connection{
			Name: "gitlab-2", Kind: "gitlab", Label: "Another", Enabled: true, AppID: "x", AppSecret: "the-secret-of-it", Managed: gatehouse.ManagedByDashboard,
		})
	})
	shown := p.does("connections list", "gitlab    Our GitLab", "gitlab-2  Another", "file", "dashboard", "/users/auth/gitlab-2/callback")
	if strings.Contains(shown.out, "the-secret-of-it") {
		t.Errorf("a secret is shown:\n%s", shown.out)
	}
	p.does("connections disable gitlab-2", "The connection gitlab-2 is disabled.")
	if all := decoded[[]connectionJSON](p, "connections list"); len(all) != 2 || all[1].Name != "gitlab-2" || all[1].Enabled || !all[0].Enabled {
		t.Errorf("%+v", all)
	}
	p.does("connections enable gitlab-2", "The connection gitlab-2 is enabled.")
	p.update(func(tx *store.Tx, _ *users.Users) error {
		c, err := tx.ConnectionByName("gitlab-2")
		if c.AppSecret != "the-secret-of-it" || !c.Enabled {
			t.Errorf("became %+v", c)
		}
		return err
	})
	p.fails("connections disable gitlab", exitFailed, "is named in the configuration file, which is its master")
	p.fails("connections disable none", exitFailed, "no connection has the name none")
	for _, action := range []string{"connection.disabled", "connection.enabled"} {
		events := p.events(action)
		if len(events) != 1 || events[0].Actor.Kind != gatehouse.ActorOperator {
			t.Errorf("%s: %+v", action, events)
		}
	}
}
