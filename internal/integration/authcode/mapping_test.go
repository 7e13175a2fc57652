package authcode_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/integration/authcode"
)

func mapping(t *testing.T, fields map[string]any) (authcode.Mapping, error) {
	t.Helper()
	s := authcode.Read(gatehouse.Connection{Name: "company", Args: map[string]any{"mapping": fields}}, nil)
	m := s.Mapping("mapping")
	return m, s.Err()
}

func TestMapping(t *testing.T) {
	t.Parallel()
	claims, err := authcode.Object([]byte(`{
		"sub": "s-1", "upn": "Wu.Di@Corp.Example", "email": "wudi@qinghe.example.com", "email_verified": true, "id": 9007199254740993,
		"emails": [{"value": "a@example.com", "primary": false}, {"value": "b@example.com", "primary": true}],
		"roles": ["admin", "dev"], "team": "core", "nothing": null, "ratio": 0.5}`))
	if err != nil {
		t.Fatal(err)
	}
	start := gatehouse.Profile{Username: "before", Email: "wudi@qinghe.example.com", Verified: gatehouse.Verified, Groups: []string{"before"}}
	with := func(change func(*gatehouse.Profile)) gatehouse.Profile {
		p := start
		change(&p)
		return p
	}
	for name, test := range map[string]struct {
		fields map[string]any
		want   gatehouse.Profile
	}{
		"Nothing":       {nil, start},
		"Default":       {map[string]any{"username": `claims.preferred_username ?? claims.email`}, with(func(p *gatehouse.Profile) { p.Username = "wudi@qinghe.example.com" })},
		"DefaultOfNull": {map[string]any{"title": `claims.nothing ?? "staff"`}, with(func(p *gatehouse.Profile) { p.Title = "staff" })},
		"Functions": {
			map[string]any{"username": `lower(split(claims.upn, "@")[0])`, "organization": `replace(claims.team, "co", "sco")`},
			with(func(p *gatehouse.Profile) { p.Username, p.Organization = "wu.di", "score" }),
		},
		"WholeNumberStaysWhole": {map[string]any{"nickname": `claims.id`}, with(func(p *gatehouse.Profile) { p.Nickname = "9007199254740993" })},
		"FlagIsNoText":          {map[string]any{"nickname": `claims.email_verified`}, with(func(p *gatehouse.Profile) { p.Nickname = "" })},
		"AList": {
			map[string]any{"groups": `map(claims.roles, claims.team + "/" + #)`},
			with(func(p *gatehouse.Profile) { p.Groups = []string{"core/admin", "core/dev"} }),
		},
		"OneTextAsAList":  {map[string]any{"groups": `claims.team`}, with(func(p *gatehouse.Profile) { p.Groups = []string{"core"} })},
		"FoundInAList":    {map[string]any{"bio": `find(claims.emails, .primary).value`}, with(func(p *gatehouse.Profile) { p.Bio = "b@example.com" })},
		"OneAfterAnother": {map[string]any{"bio": `join(map(filter(claims.emails, .primary), .value), ",")`}, with(func(p *gatehouse.Profile) { p.Bio = "b@example.com" })},
		"AnotherAddressIsNotVerified": {
			map[string]any{"email": `claims.upn`},
			with(func(p *gatehouse.Profile) { p.Email, p.Verified = "Wu.Di@Corp.Example", gatehouse.Unstated }),
		},
		"VerificationIsWorkedOut": {
			map[string]any{"email": `claims.upn`, "email_verified": `claims.upn endsWith "@Corp.Example"`},
			with(func(p *gatehouse.Profile) { p.Email, p.Verified = "Wu.Di@Corp.Example", gatehouse.Verified }),
		},
		"VerificationDefault": {
			map[string]any{"email_verified": `claims.verified ?? false`},
			with(func(p *gatehouse.Profile) { p.Verified = gatehouse.Unverified }),
		},
		"WhatIsNoYesIsNo": {map[string]any{"email_verified": `1`}, with(func(p *gatehouse.Profile) { p.Verified = gatehouse.Unverified })},
		"NoAddress": {
			map[string]any{"email": `""`, "email_verified": `true`},
			with(func(p *gatehouse.Profile) { p.Email, p.Verified = "", gatehouse.Unstated }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := mapping(t, test.fields)
			if err != nil {
				t.Fatal(err)
			}
			p := start
			if err := m.Apply(&p, claims); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, p); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMapping_WrongExpressionIsNamed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		field string
		text  any
		want  string
	}{
		"Syntax":            {"email", `claims.email ??`, "line 1, column"},
		"SecondLine":        {"email", "claims.email ??\n  ) 'a'", "line 2, column 3"},
		"UnknownName":       {"email", `claim.email`, "line 1, column 1: unknown name claim"},
		"UnknownFunction":   {"email", `system("id")`, "unknown name system"},
		"NoTime":            {"email", `now()`, "now"},
		"NoRepetition":      {"email", `repeat("a", 1000000000)`, "repeat"},
		"NoRange":           {"groups", `1..1000000000`, "operator .."},
		"NoReduction":       {"groups", `reduce(claims.groups, # + #acc)`, "reduce may not be used"},
		"NoLoopInALoop":     {"groups", `map(claims.a, count(claims.b, # == "x"))`, "inside of another one"},
		"NoPatternFromThem": {"email", `claims.a matches claims.b ? "a" : "b"`, "matches"},
		"TooManyParts":      {"email", strings.Repeat("claims.a + ", 60) + "claims.a", "maximum allowed nodes"},
		"TooLong":           {"email", strings.Repeat(" ", 3000), "at most"},
		"NoText":            {"email", true, "an expression"},
		"UnknownField":      {"subject", `claims.sub`, "a field of the profile"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := mapping(t, map[string]any{test.field: test.text})
			if !errors.Is(err, gatehouse.Invalid) || !strings.Contains(err.Error(), "args.mapping."+test.field) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want the setting and %q", err, test.want)
			}
		})
	}
}

// TestMapping_HostileClaims: whatever a provider tells, the answer is a field or
// an error, soon.
func TestMapping_HostileClaims(t *testing.T) {
	t.Parallel()
	m, err := mapping(t, map[string]any{
		"username": `replace(lower(claims.a), "a", claims.b)`, "groups": `map(claims.list, # + claims.b)`, "bio": `join(claims.list, claims.b)`,
	})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("a", 2000)
	var list []any
	for range 100_000 {
		list = append(list, long)
	}
	for name, claims := range map[string]map[string]any{
		"Growing":       {"a": long, "b": long, "list": list},
		"OfOtherTypes":  {"a": []any{}, "b": 5.5, "list": map[string]any{}},
		"Absent":        {},
		"TooLongToSee":  {"a": strings.Repeat("a", 1<<20), "b": "b", "list": list},
		"ListOfStrange": {"a": "a", "b": "b", "list": []any{nil, []any{}, true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p gatehouse.Profile
			err := m.Apply(&p, claims)
			if err == nil || !strings.Contains(err.Error(), "args.mapping.") {
				t.Errorf("took %d groups, %v", len(p.Groups), err)
			}
		})
	}
}
