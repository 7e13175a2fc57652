package authcode_test

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/integration/authcode"
)

// What is doubled by each part of an expression stays small or is refused: none
// of these may take the memory of the process.
func TestExpressionsStaySmall(t *testing.T) {
	t.Parallel()
	doubled := "let a0 = claims.email; "
	for i := range 21 {
		doubled += fmt.Sprintf("let a%d = a%d + a%d; ", i+1, i, i)
	}
	trebled, nested := "claims.list", "claims.list"
	for range 9 {
		trebled = "map(" + trebled + ", # + # + #)"
		nested = "map(" + nested + ", [#, #, #])"
	}
	list := make([]any, 1000)
	for i := range list {
		list[i] = strings.Repeat("y", 100)
	}
	claims := map[string]any{"email": strings.Repeat("x", 2000), "list": list}
	for name, text := range map[string]string{
		"a text that is doubled": doubled + "a21",
		"texts of a list":        "first(" + trebled + ")",
		"all claims, often":      "join(map(claims.list, string(claims)), '')",
		"replaced":               "replace(claims.email, 'x', 'xxxxx')",
	} {
		var p gatehouse.Profile
		if err := mappingOf(t, "name", text).Apply(&p, claims); err == nil {
			t.Errorf("%s: %d bytes were made", name, len(p.Name))
		}
	}
	var p gatehouse.Profile
	if err := mappingOf(t, "groups", nested).Apply(&p, claims); err != nil || len(p.Groups) != 0 {
		t.Errorf("lists in lists: %d groups, %v", len(p.Groups), err)
	}
}

func mappingOf(t *testing.T, field, text string) authcode.Mapping {
	t.Helper()
	m, err := mapping(t, map[string]any{field: text})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestPlus(t *testing.T) {
	t.Parallel()
	claims := map[string]any{"a": "x", "n": 2}
	for text, want := range map[string]string{
		`claims.a + "y" + claims.a`: "xyx",
		`string(claims.n + 3)`:      "5",
		`string(1.5 + 2)`:           "3.5",
		`string(true)`:              "true",
	} {
		var p gatehouse.Profile
		if err := mappingOf(t, "name", text).Apply(&p, claims); err != nil || p.Name != want {
			t.Errorf("%s: %q, %v; want %q", text, p.Name, err, want)
		}
	}
	var p gatehouse.Profile
	if err := mappingOf(t, "name", `claims.a + claims.n`).Apply(&p, claims); err == nil {
		t.Errorf("a text and a number make %q", p.Name)
	}
}
