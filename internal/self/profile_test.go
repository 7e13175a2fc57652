package self

import (
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/store"
)

func TestSaveProfile(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		save := func(want gatehouse.ErrorKind, p Profile) {
			t.Helper()
			h.try(want, func(tx *store.Tx) error { return h.SaveProfile(tx, by(h.ann), h.ann.ID, p) })
		}
		same := Profile{Name: "Ann", Username: "ann", Locale: "zh-CN", JobTitle: "Smith", Organization: "Forge", Location: "Ulm"}
		save("", same)
		if got := h.actions(h.ann.ID); got != "" {
			t.Errorf("nothing changed, and the audit log says %s", got)
		}
		for _, p := range map[string]Profile{
			"no name":        {Username: "ann"},
			"invisible name": {Name: "\u200b\u202e \n", Username: "ann"},
			"reserved":       {Name: "Ann", Username: "admin"},
			"one letter":     {Name: "Ann", Username: "a"},
			"space":          {Name: "Ann", Username: "an na"},
			"look-alike":     {Name: "Ann", Username: "аnn"}, // its first letter is Cyrillic
			"only digits":    {Name: "Ann", Username: "12345"},
			"dots":           {Name: "Ann", Username: "a..b"},
			"endless":        {Name: "Ann", Username: strings.Repeat("a", 300)},
			"language":       {Name: "Ann", Username: "ann", Locale: "tlh"},
		} {
			save(gatehouse.Invalid, p)
		}
		save(gatehouse.Conflict, Profile{Name: "Ann", Username: "BOB"})
		save("", Profile{Name: "  Anna\u202e\n Li ", Username: "Anna.Li", Locale: "en"})
		if u := h.user(h.ann.ID); u.Name != "Anna Li" || u.Username != "anna.li" || u.Locale != "en" || u.Email != "ann@example.com" {
			t.Errorf("ann is %+v", u)
		}
		save("", Profile{Name: "Anna Li", Username: "anna.li", Locale: "en", JobTitle: " Master\u202e smith", Organization: "Forge", Location: "Ulm"})
		if u := h.user(h.ann.ID); u.JobTitle != "Master smith" || u.Organization != "Forge" || u.Location != "Ulm" {
			t.Errorf("ann is %+v", u)
		}
		if got := h.actions(h.ann.ID); got != "user.profile_changed user.profile_changed" {
			t.Errorf("audit log: %s", got)
		}
	})
}

// TestWhatAProviderKeepsStays: a name that is overwritten at each sign-in is not
// changed here, and the rest of the form is.
func TestWhatAProviderKeepsStays(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.gitlab.Rules.SyncProfile, h.gitlab.Rules.SyncProfileAttributes = true, []string{"name", "location"}
		h.update(func(tx *store.Tx) error {
			if err := tx.SaveConnection(&h.gitlab); err != nil {
				return err
			}
			return tx.SaveIdentity(&gatehouse.Identity{UserID: h.ann.ID, ConnectionID: h.gitlab.ID, Subject: "1", Profile: gatehouse.Profile{Name: "Ann", Location: "Ulm", Email: "ann@example.com"}})
		})
		h.update(func(tx *store.Tx) error {
			synced, err := h.Synced(tx, h.ann.ID)
			if len(synced) != 2 || synced["name"] != "GitLab" || synced["location"] != "GitLab" {
				t.Errorf("kept: %v", synced)
			}
			return err
		})
		h.try("", func(tx *store.Tx) error {
			return h.SaveProfile(tx, by(h.ann), h.ann.ID, Profile{Name: "Mallory", Username: "anna", Location: "Elsewhere", JobTitle: "Smith"})
		})
		if u := h.user(h.ann.ID); u.Name != "Ann" || u.Username != "anna" || u.Location != "Ulm" || u.JobTitle != "Smith" {
			t.Errorf("ann is %+v", u)
		}
	})
}
