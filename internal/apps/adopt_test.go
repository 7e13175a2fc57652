package apps

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func file() File {
	return File{
		Connections: []gatehouse.Connection{{
			Name: "gitlab", Label: "GitLab", Enabled: true, AppID: "id", AppSecret: secret,
			Args:  map[string]any{"scope": "read_user", "n": uint64(7), "client_options": map[string]any{"site": "https://gitlab.example"}},
			Rules: gatehouse.ConnectionRules{AllowSingleSignOn: true},
		}},
		Clients:    []gatehouse.Client{{ID: "demo", Name: "Demo", SecretHash: []byte("hash"), RedirectURIs: []string{"https://x/cb"}, Enabled: true}},
		Connectors: []gatehouse.Connector{{Key: "gitlab", Name: "GitLab", Kind: "gitlab", URL: "https://gitlab.example", Token: secret, Enabled: true}},
	}
}

func (o *office) adopt(f File) {
	o.t.Helper()
	o.update(func(tx *store.Tx) error { return o.Adopt(tx, f) })
}

// rows are what is stored, and what the audit log says about it.
func (o *office) rows() (c gatehouse.Connection, cl gatehouse.Client, cn gatehouse.Connector, actions []string) {
	o.t.Helper()
	o.update(func(tx *store.Tx) error {
		var errs [4]error
		c, errs[0] = tx.ConnectionByName("gitlab")
		cl, errs[1] = tx.Client("demo")
		cn, errs[2] = tx.ConnectorByKey("gitlab")
		page, err := tx.Events(store.EventFilter{}, store.Cursor{})
		errs[3] = err
		actions = nil
		for _, e := range slices.Backward(page.Items) {
			actions = append(actions, e.Action)
			if e.Actor.Kind != gatehouse.ActorFile {
				o.t.Errorf("event by %v", e.Actor)
			}
		}
		return errors.Join(errs[:]...)
	})
	return c, cl, cn, actions
}

func TestAdopt(t *testing.T) {
	t.Parallel()
	t.Run("WritesWhatTheFileNamesOnce", func(t *testing.T) {
		t.Parallel()
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			o := newOffice(t, s)
			o.adopt(file())
			c, cl, cn, _ := o.rows()
			if c.Managed != gatehouse.ManagedByFile || c.Kind != "gitlab" || c.AppSecret != secret || !c.Enabled || cl.Managed != gatehouse.ManagedByFile ||
				cn.Managed != gatehouse.ManagedByFile || cn.Token != secret || cn.Status != gatehouse.ConnectorNotConfigured {
				t.Errorf("stored %+v\n%+v\n%+v", c, cl, cn)
			}
			o.update(func(tx *store.Tx) error {
				return tx.SetConnectorStatus(cn.ID, gatehouse.ConnectorConnected, gatehouse.Notef("fine"))
			})
			o.adopt(file())
			c2, cl2, cn2, actions := o.rows()
			if diff := cmp.Diff(c, c2); diff != "" {
				t.Errorf("the connection was touched:\n%s", diff)
			}
			if !cl2.UpdatedAt.Equal(cl.UpdatedAt) || cn2.Status != gatehouse.ConnectorConnected || cn2.StatusText.Text != "fine" || cn2.PulledAt.IsZero() {
				t.Errorf("the second time: %+v, %+v", cl2, cn2)
			}
			if diff := cmp.Diff([]string{"connection.created", "client.created", "connector.created"}, actions); diff != "" {
				t.Errorf("audit log (-want +got):\n%s", diff)
			}
		})
	})
	t.Run("VanishedIsDisabledAndComesBack", func(t *testing.T) {
		t.Parallel()
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			o := newOffice(t, s)
			o.adopt(file())
			before, _, _, _ := o.rows()
			o.adopt(File{})
			o.adopt(File{})
			c, cl, cn, actions := o.rows()
			if c.Enabled || cl.Enabled || cn.Enabled || c.ID != before.ID {
				t.Errorf("enabled: %t %t %t", c.Enabled, cl.Enabled, cn.Enabled)
			}
			want := []string{"connection.disabled", "client.disabled", "connector.disabled"}
			if diff := cmp.Diff(want, actions[3:]); diff != "" {
				t.Errorf("audit log (-want +got):\n%s", diff)
			}
			o.adopt(file())
			if c, cl, cn, _ := o.rows(); !c.Enabled || !cl.Enabled || !cn.Enabled || c.ID != before.ID {
				t.Errorf("back: %t %t %t", c.Enabled, cl.Enabled, cn.Enabled)
			}
		})
	})
	t.Run("DashboardsOwnStays", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, storetest.Open(t))
		mine := gatehouse.Connection{Name: "mine", Kind: "gitlab", Enabled: true, Managed: gatehouse.ManagedByDashboard}
		o.update(func(tx *store.Tx) error { return tx.SaveConnection(&mine) })
		o.adopt(file())
		o.update(func(tx *store.Tx) error {
			c, err := tx.ConnectionByName("mine")
			if !c.Enabled || c.Managed != gatehouse.ManagedByDashboard {
				t.Errorf("became %+v", c)
			}
			return err
		})
	})
	t.Run("NameOfTheDashboardBecomesTheFiles", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, storetest.Open(t))
		old := o.connection()
		o.adopt(file())
		if c, _, _, _ := o.rows(); c.ID != old.ID || c.Managed != gatehouse.ManagedByFile || !c.Rules.AllowSingleSignOn {
			t.Errorf("became %+v", c)
		}
	})
	t.Run("WrongSettingChangesNothing", func(t *testing.T) {
		t.Parallel()
		for name, spoil := range map[string]func(*File){
			"UnknownKind":          func(f *File) { f.Connections[0].Kind = "myspace" },
			"BadArgs":              func(f *File) { f.Connections[0].Args = map[string]any{"mood": "bad"} },
			"KindWithoutConnector": func(f *File) { f.Connectors[0].Kind = "shut" },
		} {
			o := newOffice(t, storetest.Open(t))
			f := file()
			spoil(&f)
			err := o.Store.Update(t.Context(), func(tx *store.Tx) error { return o.Adopt(tx, f) })
			if !errors.Is(err, gatehouse.Invalid) || !strings.Contains(err.Error(), "gitlab") {
				t.Errorf("%s: %v, want Invalid that names it", name, err)
			}
			o.update(func(tx *store.Tx) error {
				if all, err := tx.Connections(); len(all) != 0 || err != nil {
					t.Errorf("%s: %v, %v", name, all, err)
				}
				return nil
			})
		}
	})
}

func TestSame(t *testing.T) {
	t.Parallel()
	now := time.Now()
	tests := map[string]struct {
		a, b gatehouse.Client
		want bool
	}{
		"Equal":              {gatehouse.Client{ID: "x", CreatedAt: now}, gatehouse.Client{ID: "x", CreatedAt: now}, true},
		"NothingAndEmptyAre": {gatehouse.Client{Scopes: nil}, gatehouse.Client{Scopes: []string{}}, true},
		"ListsDiffer":        {gatehouse.Client{Scopes: []string{"a"}}, gatehouse.Client{Scopes: []string{"b"}}, false},
		"OrderMatters":       {gatehouse.Client{RedirectURIs: []string{"a", "b"}}, gatehouse.Client{RedirectURIs: []string{"b", "a"}}, false},
		"FlagsDiffer":        {gatehouse.Client{Trusted: true}, gatehouse.Client{}, false},
		"SecretsDiffer":      {gatehouse.Client{SecretHash: []byte("a")}, gatehouse.Client{SecretHash: []byte("b")}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := same(tt.a, tt.b); got != tt.want {
				t.Errorf("same = %t, want %t", got, tt.want)
			}
		})
	}
}
