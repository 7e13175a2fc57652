package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/certify"
)

// TestCertificatesAreVerifiedOffline: what a sync certified holds with the key
// of the installation, and with no other, and not when anything was changed.
func TestCertificatesAreVerifiedOffline(t *testing.T) {
	t.Parallel()
	_, connector := gitLab(t, "glpat-of-an-administrator")
	p := newPlace(t, plain(t)+connector)
	p.serves()
	p.does("connectors sync gitlab --wait", "done")
	p.does("connectors sync gitlab --wait", "done")
	folder := t.TempDir()
	keep := func(name, text string) string {
		name = filepath.Join(folder, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	all := p.does("connectors certificates gitlab").out
	file, key := keep("all", all), keep("key.pem", p.does("keys certificate").out)
	p.does("verify "+file+" --key "+key, "certificates 1 to 2 hold", "27 accounts, 25 groups and projects", "This proves", "It does not prove", "Digest of the last one: ")
	if r := decoded[certify.Report](p, "verify "+file+" --key "+key); len(r.Chains) != 1 || r.Chains[0].Last != 2 || r.Last[0].Known.Accounts != 27 {
		t.Errorf("%+v", r)
	}
	one := p.does("connectors certificates gitlab --pull " + decoded[oneConnector](p, "connectors show gitlab").Pulls[0].ID).out
	p.does("verify "+keep("one", one)+" --key "+key, "certificates 2 to 2 hold", "Those before number 2 are not in the file")
	p.fails("verify "+keep("changed", strings.Replace(all, `"accounts":27`, `"accounts":26`, 1))+" --key "+key, exitFailed, "signature is wrong")
	p.fails("verify "+file, exitUsage, "--key FILE is missing")
	p.fails("verify "+file+" --key "+file, exitFailed, "is of no use as --key")
	p.fails("verify "+folder+"/none --key "+key, exitFailed, "open the certificates")
	p.fails("connectors certificates gitlab --pull none", exitFailed, "gitlab has no certificate of a sync none")
}
