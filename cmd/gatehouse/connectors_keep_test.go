package main

import (
	"regexp"
	"strings"
	"testing"
)

// TestConnectorsAreKeptByCommand, against the stand-in of GitLab.
func TestConnectorsAreKeptByCommand(t *testing.T) {
	t.Parallel()
	_, section := gitLab(t, "glpat-of-an-administrator")
	site := regexp.MustCompile(`url: "([^"]+)"`).FindStringSubmatch(section)[1]
	p := newPlace(t, plain(t)+"outgoing: {allow: [127.0.0.1/32]}\n")
	p.serves()
	add := "connectors add --url " + site + " --owner ann@example.com --setting group=eng --token-stdin"
	for name, tt := range map[string]struct{ in, args, says string }{
		"WithoutAToken":     {"\n", add, "no token on standard input"},
		"WithAWrongToken":   {"glpat-that-nobody-made\n", add, "does not accept the access token"},
		"WithoutTheScope":   {"glpat-without-the-scope\n", add, "read_api"},
		"OfAnUnknownKind":   {"x\n", add + " --kind pigeon", "pigeon"},
		"ToAnUnknownApp":    {"x\n", add + " --app client/none", "there is no app client/none"},
		"WithAnOddGroup":    {"glpat-of-an-administrator\n", add + " --setting group=nowhere", "nowhere"},
		"WithAnOddSchedule": {"glpat-of-an-administrator\n", add + " --schedule often", "often"},
		"AtAPrivateAddress": {"glpat-of-an-administrator\n", strings.Replace(add, site, "http://10.1.2.3", 1), `outgoing: {allow: ["10.1.2.3/32"]}`},
	} {
		if s := p.given(tt.in, tt.args); s.code == exitOK || !strings.Contains(s.err, tt.says) || strings.Contains(s.err, "glpat") {
			t.Errorf("%s: ended with %d: %s%s", name, s.code, s.out, s.err)
		}
	}
	made := p.given("glpat-of-an-administrator\n", add)
	if made.code != exitOK || !strings.Contains(made.out, "The connector gitlab is added") || !strings.Contains(made.out, "everything") || strings.Contains(made.out, "glpat") {
		t.Fatalf("ended with %d: %s%s", made.code, made.out, made.err)
	}
	p.does("connectors sync gitlab --wait", "done: 27 accounts")
	p.does("connectors show gitlab", "ann@example.com", "step: accounts, 26 accounts", "step: finish")
	edited := decoded[connectorJSON](p, "connectors edit gitlab --name Forge --schedule @daily --time-zone Asia/Shanghai --owner bob@example.com")
	if edited.Name != "Forge" || edited.Schedule != "@daily" || edited.TimeZone != "Asia/Shanghai" || len(edited.Owners) != 1 || edited.Owners[0] != "bob@example.com" {
		t.Errorf("edited %+v", edited)
	}
	if s := p.given("glpat-that-nobody-made\n", "connectors edit gitlab --token-stdin"); s.code != exitFailed || !strings.Contains(s.err, "does not accept") {
		t.Errorf("a wrong new token: %d %s", s.code, s.err)
	}
	p.does("connectors probe gitlab", "everything")
	p.does("connectors pause gitlab", "The connector gitlab is paused.")
	p.fails("connectors sync gitlab", exitFailed, "paused")
	p.does("connectors resume gitlab", "The connector gitlab is resumed.")
	p.fails("connectors delete gitlab", exitUsage, "--yes")
	p.does("connectors delete gitlab --yes", "What was read of it is kept.")
	p.does("connectors show gitlab", "Accounts             27", "not_configured")
	p.does("connectors delete gitlab --history --yes", "with all that was read of its app")
	p.fails("connectors show gitlab", exitFailed, "no connector has the key gitlab")
	for _, action := range []string{"connector.created", "connector.changed", "connector.paused", "connector.resumed", "connector.disconnected", "connector.deleted"} {
		if len(p.events(action)) == 0 {
			t.Errorf("no %s in the audit log", action)
		}
	}
}
