package reach

import (
	"testing"
	"time"

	"gatehouse"
)

func TestChoose(t *testing.T) {
	t.Parallel()
	read := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	one := gatehouse.Connector{ID: "1", Key: "gitlab", Enabled: true, PulledAt: read}
	two := gatehouse.Connector{ID: "2", Key: "legacy", Enabled: true, PulledAt: read}
	off := gatehouse.Connector{ID: "3", Key: "old", PulledAt: read}
	fresh := gatehouse.Connector{ID: "4", Key: "new", Enabled: true}
	for name, tt := range map[string]struct {
		from string
		all  []gatehouse.Connector
		id   string
		want Unknown
	}{
		"TheOnlyOne":             {"", []gatehouse.Connector{one}, "1", ""},
		"ADisabledOneIsNotThere": {"", []gatehouse.Connector{off, two}, "2", ""},
		"TheNamedOne":            {"legacy", []gatehouse.Connector{one, two}, "2", ""},
		"SeveralAndNoneNamed":    {"", []gatehouse.Connector{one, two}, "", UnknownAmbiguous},
		"NoSuchName":             {"github", []gatehouse.Connector{one}, "", UnknownName},
		"TheNamedOneIsDisabled":  {"old", []gatehouse.Connector{one, off}, "", UnknownDisabled},
		"TheOnlyOneIsDisabled":   {"", []gatehouse.Connector{off}, "", UnknownDisabled},
		"NotReadYet":             {"", []gatehouse.Connector{fresh}, "", UnknownUnread},
		"NoGitLab":               {"", nil, "", UnknownNoGitLab},
		"SwitchedOff":            {gatehouse.NoGroups, []gatehouse.Connector{one}, "", UnknownOff},
	} {
		if c, unknown := Choose(tt.from, tt.all); c.ID != tt.id || unknown != tt.want {
			t.Errorf("%s: %q, %q", name, c.ID, unknown)
		}
	}
}
