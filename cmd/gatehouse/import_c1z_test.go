package main

import "testing"

func TestAC1ZFileIsImportedByCommand(t *testing.T) {
	t.Parallel()
	p := newPlace(t, plain(t))
	p.serves()
	const file = "testdata/sample.c1z"
	p.does("import c1z "+file+" --connector okta --dry-run", "2 accounts, 3 groups and projects, 5 memberships, 1 shares", "note: 1 grants", "Nothing was changed.")
	p.fails("connectors show okta", exitFailed, "no connector has the key okta")
	p.does("import c1z "+file+" --connector okta --name Okta --verified-emails", "It is imported into okta")
	told := decoded[c1zJSON](p, "import c1z "+file+" --connector okta --sync new")
	if told.Pull == nil || told.Pull.State != "done" || told.Pull.Written != 0 || told.Sync != "new" || told.Holds.Accounts != 2 {
		t.Errorf("the same again: %+v", told)
	}
	p.does("connectors show okta", "Okta", "c1z", "connected", "Accounts             2")
	p.does("access who role:Deployers --connector okta", "reached by 2 accounts", "ann", "assigned")
	p.does("access of ann --connector okta", "reaches 3 groups and projects", "org:Acme/Core", "maintainer, member")
	p.fails("connectors sync okta", exitFailed, "gatehouse import c1z FILE --connector okta")
	p.fails("import c1z "+file, exitUsage, "--connector KEY")
	p.fails("import c1z "+file+" --connector okta --sync broken", exitFailed, "was not finished")
	p.fails("import c1z gatehouse.yml --connector okta", exitFailed, "read the file")
	if len(p.events("connector.file_imported")) != 2 {
		t.Error("the audit log does not have both imports")
	}
}
