package users

import (
	"testing"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// TestWhatIsNamedIsSynced: a newcomer starts with all that the provider tells;
// later only what sync_profile_attributes name is overwritten.
func TestWhatIsNamedIsSynced(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s, "gitlab", gatehouse.ConnectionRules{
			AllowSingleSignOn: true, SyncProfile: true, SyncProfileAttributes: []string{"job_title", "organization"},
		})
		come := func(title, organization, location string) [3]string {
			v := person("1", "alice", "", "")
			v.Profile.Title, v.Profile.Organization, v.Profile.Location = title, organization, location
			u, _ := h.come(v, "")
			u = h.stored(u.ID)
			return [3]string{u.JobTitle, u.Organization, u.Location}
		}
		if got, want := come("Smith\u202e\n", "Forge", "Ulm"), [3]string{"Smith", "Forge", "Ulm"}; got != want {
			t.Errorf("a newcomer has %q, want %q", got, want)
		}
		if got, want := come("Master", "", "Bonn"), [3]string{"Master", "Forge", "Ulm"}; got != want {
			t.Errorf("at the next sign-in %q, want %q: a silent provider takes nothing, and the place is not named", got, want)
		}
	})
}
