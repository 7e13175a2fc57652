package openid

import "testing"

// TestAskedTwice: only the values that the connection names count, and only as
// acr or one of amr.
func TestAskedTwice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		claims map[string]any
		values []string
		want   bool
	}{
		"NothingNamed":  {map[string]any{"acr": "mfa", "amr": []any{"mfa", "otp"}}, nil, false},
		"NothingSaid":   {map[string]any{"sub": "mfa"}, []string{"mfa"}, false},
		"EmptyIsNoName": {map[string]any{"acr": ""}, nil, false},
		"ByACR":         {map[string]any{"acr": "urn:mfa"}, []string{"mfa", "urn:mfa"}, true},
		"ByAMR":         {map[string]any{"acr": "1", "amr": []any{"pwd", "mfa"}}, []string{"mfa"}, true},
		"ToTheLetter":   {map[string]any{"acr": "MFA", "amr": []any{"mfa "}}, []string{"mfa"}, false},
		"OfOtherTypes":  {map[string]any{"acr": []any{"mfa"}, "amr": "mfa"}, []string{"mfa"}, false},
		"AmongOthers":   {map[string]any{"amr": []any{1.0, nil, "mfa"}}, []string{"mfa"}, true},
	} {
		if got := askedTwice(c.claims, c.values); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
