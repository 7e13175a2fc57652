package request

import (
	"testing"

	"gatehouse"
)

// TestA16Surely: acr in every case of OpenID Connect Core section 5.5.1.1.
func TestA16Surely(t *testing.T) {
	t.Parallel()
	const one, two = gatehouse.ACROneFactor, gatehouse.ACRTwoFactors
	for name, c := range map[string]struct {
		asked                    []string
		essential, none, resumed bool
		has                      string
		want                     verdict
		told                     string
	}{
		"NothingAsked":                  {nil, false, false, false, one, sure, one},
		"WishMet":                       {[]string{two}, false, false, false, two, sure, two},
		"WishIsAskedFor":                {[]string{two}, false, false, false, one, askForMore, one},
		"WishIsAskedForOnce":            {[]string{two}, false, false, true, one, sure, one},
		"WishShowsNoPage":               {[]string{two}, false, true, false, one, sure, one},
		"WishForEither":                 {[]string{two, one}, false, false, false, one, sure, one},
		"WishForLess":                   {[]string{one}, false, false, false, two, sure, two},
		"WishOfAnotherWorld":            {[]string{"urn:x"}, false, false, false, one, sure, one},
		"EssentialMet":                  {[]string{two}, true, false, false, two, sure, two},
		"EssentialIsAskedFor":           {[]string{two}, true, false, false, one, askForMore, one},
		"EssentialAfterwards":           {[]string{two}, true, false, true, one, tooWeak, one},
		"EssentialWithoutPage":          {[]string{two}, true, true, false, one, tooWeak, one},
		"EssentialOneOfTwo":             {[]string{two, one}, true, false, false, one, sure, one},
		"EssentialLessIsToldAsItWasAsk": {[]string{one}, true, false, false, two, sure, one},
		"EssentialBestIsTold":           {[]string{one, two}, true, false, false, two, sure, two},
	} {
		a := Authorization{ACR: c.asked, ACREssential: c.essential, None: c.none}
		if got := surely(a, Situation{ACR: c.has, Resumed: c.resumed}); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
		if got := ACR(a, c.has); got != c.told {
			t.Errorf("%s: told %q, want %q", name, got, c.told)
		}
	}
	// What nobody can meet is refused at once, and sends nobody to a sign-in.
	a := Authorization{ACR: []string{"urn:x"}, ACREssential: true}
	if step, code := Next(gatehouse.Client{}, a, Situation{}); step != StepRefuse || code != unmet {
		t.Errorf("%d %q", step, code)
	}
}
