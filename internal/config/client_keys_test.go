package config

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/clientrules"
)

// TestWhatTheFileKnowsOfAClientCanBeSetElsewhere: the keys of a client in the
// file are the settings that all other surfaces have, and its own two.
func TestWhatTheFileKnowsOfAClientCanBeSetElsewhere(t *testing.T) {
	t.Parallel()
	r := newReader("gatehouse.yml", "", nil, nil)
	c := r.section(nil, "clients[0]")
	r.client(c, map[string]bool{})
	slices.Sort(c.known)
	want := append(clientrules.Common(), "id", "secret")
	for _, s := range clientrules.Settings() {
		want = append(want, s.Name)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Compact(c.known)); diff != "" {
		t.Errorf("settings (-elsewhere +file):\n%s", diff)
	}
}
