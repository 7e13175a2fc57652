package device

import (
	"testing"
	"time"

	"gatehouse"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func TestUserCode(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		c := NewUserCode()
		if got, ok := Typed(c); !ok || got != c || seen[c] {
			t.Fatalf("code %q", c)
		}
		seen[c] = true
	}
	for text, ok := range map[string]bool{
		"WDJB-MJHT": true, "wdjbmjht": true, " wdjb mjht ": true, "WDJB–MJHT": true, "W-D-J-B-M-J-H-T": true,
		"": false, "WDJB-MJH": false, "WDJB-MJHTT": false, "WDJB-MJHA": false, "WDJB-MJH1": false, "ＷDJBMJHT": false, "\x00DJBMJHT": false,
		"                                   WDJBMJHT": false,
	} {
		if got, is := Typed(text); is != ok || ok && got != "WDJBMJHT" {
			t.Errorf("%q is %q, %v", text, got, is)
		}
	}
	if Shown("WDJBMJHT") != "WDJB-MJHT" || Shown("") != "" {
		t.Error("shown otherwise")
	}
}

// T17, RFC 8628 section 3.5.
func TestT17Ask(t *testing.T) {
	t.Parallel()
	waits := gatehouse.DeviceGrant{State: gatehouse.DeviceWaits, Interval: Interval, ExpiresAt: noon.Add(Life)}
	with := func(change func(*gatehouse.DeviceGrant)) gatehouse.DeviceGrant {
		d := waits
		change(&d)
		return d
	}
	polled := with(func(d *gatehouse.DeviceGrant) { d.PolledAt = noon })
	for name, c := range map[string]struct {
		d        gatehouse.DeviceGrant
		after    time.Duration
		want     Answer
		interval time.Duration
	}{
		"First":               {waits, 0, Pending, Interval},
		"InTime":              {polled, Interval, Pending, Interval},
		"TooSoon":             {polled, Interval - 1, SlowDown, Interval + slower},
		"NeverSlowerThan":     {with(func(d *gatehouse.DeviceGrant) { d.PolledAt, d.Interval = noon, slowest }), 1, SlowDown, slowest},
		"Allowed":             {with(func(d *gatehouse.DeviceGrant) { d.State = gatehouse.DeviceAllowed }), 0, Give, Interval},
		"AllowedAskedTooSoon": {with(func(d *gatehouse.DeviceGrant) { d.State, d.PolledAt = gatehouse.DeviceAllowed, noon }), 1, SlowDown, Interval + slower},
		"Denied":              {with(func(d *gatehouse.DeviceGrant) { d.State = gatehouse.DeviceDenied }), 0, Denied, Interval},
		"Expired":             {waits, Life, Expired, Interval},
		"AllowedTooLate":      {with(func(d *gatehouse.DeviceGrant) { d.State = gatehouse.DeviceAllowed }), Life, Expired, Interval},
		"Again":               {with(func(d *gatehouse.DeviceGrant) { d.State = gatehouse.DeviceDone }), 0, Again, Interval},
		"AgainAfterItsEnd":    {with(func(d *gatehouse.DeviceGrant) { d.State = gatehouse.DeviceDone }), Life, Again, Interval},
	} {
		after, got := Ask(c.d, noon.Add(c.after))
		if got != c.want || after.Interval != c.interval {
			t.Errorf("%s: %q, then every %s", name, got, after.Interval)
		}
		if done := after.State == gatehouse.DeviceDone; done != (got == Give || got == Again) {
			t.Errorf("%s: then %s", name, after.State)
		}
	}
}

func FuzzTyped(f *testing.F) {
	f.Add("WDJB-MJHT")
	f.Fuzz(func(t *testing.T, text string) {
		if code, ok := Typed(text); ok {
			if again, is := Typed(Shown(code)); !is || again != code {
				t.Errorf("%q is %q", text, code)
			}
		}
	})
}
