package openid

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"gatehouse"
	"gatehouse/internal/integration/authcode"
)

// TestCheckTimes_SignedInYetToCome: a time of the sign-in that is yet to come, as
// of a provider that writes milliseconds, shows nothing and is not young.
func TestCheckTimes_SignedInYetToCome(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	token := &oidc.IDToken{Expiry: now.Add(time.Minute), IssuedAt: now}
	for name, tt := range map[string]struct {
		fresh  bool
		maxAge int64
		authAt time.Time
		ok     bool
	}{
		"FreshJustNow":        {true, -1, now, true},
		"FreshYetToCome":      {true, -1, now.Add(skew + time.Second), false},
		"FreshInMilliseconds": {true, -1, now.Add(time.Hour * 24 * 365 * 100), false},
		"YoungJustNow":        {false, 60, now.Add(skew), true},
		"YoungYetToCome":      {false, 60, now.Add(skew + time.Second), false},
		"NeitherAsked":        {false, -1, now.Add(time.Hour), true},
	} {
		d := &door{client: &authcode.Client{Label: "The provider"}, clock: func() time.Time { return now }}
		d.freshIsChecked, d.maxAge = true, tt.maxAge
		said := json.Number(strconv.FormatInt(tt.authAt.Unix(), 10))
		err := d.checkTimes(gatehouse.Attempt{Fresh: tt.fresh, CreatedAt: now}, token, stated{AuthTime: &said})
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
