package api

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/pats"
)

// row is the line about an address in docs/api.md.
func (a address) row() string {
	who := strings.Join(a.op.Extensions["x-roles"].([]string), ", ")
	switch roles := a.op.Extensions["x-roles"].([]string); {
	case len(roles) == len(readers().roles):
		who = "whoever has a role"
	case len(roles) == 0 && a.op.Extensions["x-scope"] == pats.ReadUser:
		who = "whoever is signed in"
	case len(roles) == 0:
		who = "a token"
	}
	if a.op.Extensions["x-fresh"] == true {
		who += ", proved anew"
	}
	return fmt.Sprintf("| `%s %s` | %s | %s |", a.method, strings.TrimPrefix(a.path, prefix), who, a.op.Summary)
}

// TestDocumentationListsEveryAddress, as the description has it, and no other.
func TestDocumentationListsEveryAddress(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	methods := []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	var rows []string
	_, own, found := strings.Cut(string(text), "\n## Addresses\n")
	own, _, more := strings.Cut(own, "\n## ") // what follows is also about addresses that are not of this API
	if !found || !more {
		t.Fatal("docs/api.md has no part about addresses")
	}
	for line := range strings.Lines(own) {
		method, _, _ := strings.Cut(strings.TrimPrefix(line, "| `"), " ")
		if strings.HasPrefix(line, "| `") && slices.Contains(methods, method) {
			rows = append(rows, strings.TrimSpace(line))
		}
	}
	for _, a := range addresses(described()) {
		i := slices.Index(rows, a.row())
		if i < 0 {
			t.Errorf("docs/api.md lacks the line\n%s", a.row())
			continue
		}
		rows = slices.Delete(rows, i, i+1)
	}
	for _, row := range rows {
		t.Errorf("docs/api.md has a line that is not true:\n%s", row)
	}
}
