package authcode_test

import (
	"encoding/pem"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/integration/authcode"
)

func TestAuthority(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(nil)
	t.Cleanup(server.Close)
	good := strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	var lines []any
	for line := range strings.SplitSeq(good, "\n") {
		lines = append(lines, line)
	}
	const ours, theirs = gatehouse.ManagedByFile, gatehouse.ManagedByDashboard
	for name, test := range map[string]struct {
		by   gatehouse.ManagedBy
		args map[string]any
		want string // "" with bad false: none
		bad  bool
	}{
		"None":                 {ours, nil, "", false},
		"Text":                 {theirs, map[string]any{"ca": good + "\n"}, good, false},
		"Lines":                {theirs, map[string]any{"ca": lines}, good, false},
		"File":                 {ours, map[string]any{"ca_file": file}, good, false},
		"FileFromTheDashboard": {theirs, map[string]any{"ca_file": file}, "", true},
		"FileOfNobody":         {"", map[string]any{"ca_file": file}, "", true},
		"FileThatIsNotThere":   {ours, map[string]any{"ca_file": file + "x"}, "", true},
		"FileThatHasNoEnd":     {ours, map[string]any{"ca_file": "/dev/zero"}, "", true},
		"Both":                 {ours, map[string]any{"ca": good, "ca_file": file}, "", true},
		"NoCertificate":        {ours, map[string]any{"ca": "hello"}, "", true},
		"NoText":               {ours, map[string]any{"ca": map[string]any{}}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := authcode.Authority(gatehouse.Connection{Name: "company", Managed: test.by, Args: test.args})
			if test.bad != errors.Is(err, gatehouse.Invalid) || !test.bad && got != test.want {
				t.Errorf("got %q, %v", got, err)
			}
			if err != nil && strings.Contains(err.Error(), "hello") {
				t.Error("the value is repeated")
			}
		})
	}
}
