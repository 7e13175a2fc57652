package request

import (
	"testing"

	"gatehouse"
)

func TestUpstreamNumber(t *testing.T) {
	t.Parallel()
	at := func(connection string, subjects ...string) (all []gatehouse.Identity) {
		for _, s := range subjects {
			all = append(all, gatehouse.Identity{ConnectionID: connection, Subject: s})
		}
		return all
	}
	for name, tt := range map[string]struct {
		identities []gatehouse.Identity
		known      int64
		number     int64
		why        Nameless
	}{
		"One":             {at("c", "42"), 0, 42, ""},
		"None":            {nil, 7, 0, NoIdentity},
		"OfAnother":       {at("d", "42"), 42, 0, NoIdentity},
		"NoNumber":        {at("c", "alice", "", "-1", "0", "+42", "042", " 42", "4.2", "1e3", "٤٢", "99999999999999999999"), 0, 0, NoIdentity},
		"NumberAmongThem": {at("c", "alice", "42"), 0, 42, ""},
		"Several":         {at("c", "42", "43"), 0, 0, ManyIdentities},
		"SeveralKnown":    {at("c", "42", "43"), 43, 43, ""},
		"AnotherByNow":    {at("c", "43"), 42, 43, ""},
	} {
		if n, why := UpstreamNumber(tt.identities, "c", tt.known); n != tt.number || why != tt.why {
			t.Errorf("%s: %d %q", name, n, why)
		}
	}
}
