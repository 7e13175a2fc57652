package c1z_test

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	_ "modernc.org/sqlite" // the writer of the files

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/c1z"
)

// The files of these tests are written here, by field numbers and statements of
// their own, and not by the writer of this package.

type msg []byte

func (m msg) str(n protowire.Number, s string) msg {
	return protowire.AppendString(protowire.AppendTag(m, n, protowire.BytesType), s)
}

func (m msg) sub(n protowire.Number, s msg) msg {
	return protowire.AppendBytes(protowire.AppendTag(m, n, protowire.BytesType), s)
}

func (m msg) num(n protowire.Number, v uint64) msg {
	return protowire.AppendVarint(protowire.AppendTag(m, n, protowire.VarintType), v)
}

func wrap(name string, m msg) msg {
	return msg{}.str(1, "type.googleapis.com/c1.connector.v2."+name).sub(2, m)
}
func id(kind, id string) msg          { return msg{}.str(1, kind).str(2, id) }
func thing(kind, is, name string) msg { return msg{}.sub(1, id(kind, is)).str(3, name) }
func within(m msg, kind, is string) msg {
	return m.sub(2, id(kind, is))
}

func person(is, name, login, mail string, status uint64) msg {
	trait := msg{}.sub(1, msg{}.str(1, "other@example.com")).sub(1, msg{}.str(1, mail).num(2, 1)).
		sub(2, msg{}.num(1, status)).num(5, 1).str(6, login).sub(9, msg{}.num(1, 1_700_000_000)).sub(10, msg{}.num(1, 1))
	return thing("user", is, name).sub(4, wrap("UserTrait", trait))
}

func right(of msg, is, slug string) msg {
	return msg{}.sub(1, of).str(2, is).str(3, "the "+slug).str(8, slug)
}
func gives(right, to msg) msg { return msg{}.sub(1, right).sub(2, to).str(3, "g") }

// row is a row of one of the tables of a file.
type row struct {
	table     string
	data      msg
	expansion msg // beside a grant, as newer writers keep it
}

// sample is an app with two people, a team in an organisation, and a role that
// the team brings.
func sample() []row {
	ann, bob := person("1", "Ann", "ann", "ann@example.com", 1), person("2", "Bob", "bob", "bob@example.com", 2)
	org, team := thing("org", "7", "Acme"), within(thing("team", "8", "Core"), "org", "7")
	role := thing("role", "r/1", "Deployers")
	owner, member := right(org, "org:7:owner", "owner"), right(team, "team:8:member", "member")
	maintainer, deploy := right(team, "team:8:maintainer", "maintainer"), right(role, "role:1:assigned", "assigned")
	expands := msg{}.str(1, "team:8:member").str(1, "team:8:maintainer")
	return []row{
		{"resource_types", msg{}.str(1, "user").str(2, "User").sub(3, msg{1}), nil},
		{"resource_types", msg{}.str(1, "org").num(3, 2), nil},
		{"resource_types", msg{}.str(1, "team").num(3, 2), nil},
		{"resource_types", msg{}.str(1, "role").num(3, 3), nil},
		{"resources", ann, nil},
		{"resources", bob, nil},
		{"resources", team, nil},
		{"resources", org, nil},
		{"resources", role, nil},
		{"entitlements", owner, nil},
		{"entitlements", member, nil},
		{"entitlements", maintainer, nil},
		{"entitlements", deploy, nil},
		{"grants", gives(owner, ann), nil},
		{"grants", gives(member, ann), nil},
		{"grants", gives(maintainer, ann), nil},
		{"grants", gives(msg{}.str(2, "team:8:member"), thing("user", "2", "")), nil},
		{"grants", gives(deploy, team).sub(4, wrap("GrantExpandable", expands)), nil},
		{"grants", gives(owner, thing("user", "9", "nobody")), nil},
	}
}

const tables = `
create table v1_resource_types (id integer primary key, external_id text, data blob not null, sync_id text not null);
create table v1_resources (id integer primary key, external_id text, data blob not null, sync_id text not null);
create table v1_entitlements (id integer primary key, external_id text, data blob not null, sync_id text not null);
create table v1_grants (id integer primary key, external_id text, data blob not null, sync_id text not null, expansion blob);
create table v1_sync_runs (id integer primary key, sync_id text not null, started_at datetime not null, ended_at datetime, sync_token text not null, sync_type text not null default 'full');
insert into v1_sync_runs (sync_id, started_at, ended_at, sync_token, sync_type) values
 ('old', '2026-01-01 00:00:00', '2026-01-01 01:00:00.5', '', 'full'), ('new', '2026-01-03 00:00:00', '2026-01-03 01:00:00', '', 'full'),
 ('part', '2026-01-04 00:00:00', '2026-01-04 01:00:00', '', 'partial'), ('broken', '2026-01-05 00:00:00', null, '', 'full');`

// database is a SQLite file with rows of the sync "new".
func database(t testing.TB, rows []row) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=synchronous(0)&_pragma=journal_mode(off)")
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(tables)
	for _, r := range rows {
		if err == nil && r.expansion != nil {
			_, err = db.Exec("insert into v1_grants (data, sync_id, expansion) values (?, 'new', ?)", []byte(r.data), []byte(r.expansion))
		} else if err == nil {
			_, err = db.Exec("insert into v1_"+r.table+" (data, sync_id) values (?, 'new')", []byte(r.data))
		}
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// packed is a frame of plain blocks behind the header.
func packed(data []byte) []byte {
	out := []byte("C1ZF\x00\x28\xb5\x2f\xfd\x00\x58") // a window of 2 MiB
	for len(data) > 0 {
		n := min(len(data), 100_000)
		head := n << 3
		if n == len(data) {
			head |= 1
		}
		out = append(append(out, byte(head), byte(head>>8), byte(head>>16)), data[:n]...)
		data = data[n:]
	}
	return out
}

func load(t testing.TB, data []byte, sync string) (page integration.Page, err error) {
	t.Helper()
	f, err := c1z.Open(t.Context(), bytes.NewReader(data), t.TempDir(), c1z.Limits{Unpacked: 8 << 20, Rows: 1000})
	if err != nil {
		return page, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	runs, err := f.Runs(t.Context())
	if err != nil {
		return page, err
	}
	run, err := c1z.Choose(runs, sync)
	if err != nil {
		return page, err
	}
	s, err := f.Source(t.Context(), run, true)
	if err != nil {
		return page, err
	}
	for p, err := range s.Pull(t.Context(), "") {
		if err != nil {
			return page, err
		}
		page.Accounts, page.Resources = append(page.Accounts, p.Accounts...), append(page.Resources, p.Resources...)
		page.Grants, page.Shares, page.Notes = append(page.Grants, p.Grants...), append(page.Shares, p.Shares...), append(page.Notes, p.Notes...)
	}
	return page, nil
}

func wanted() integration.Page {
	at := time.Unix(1_700_000_000, 0).UTC()
	one := func(level int, name, ids string) gatehouse.Role {
		return gatehouse.Role{Level: level, Name: name, Custom: ids}
	}
	assigned := one(10, "assigned", `["role:1:assigned"]`)
	bring := one(10, "assigned", `[{"id":"role:1:assigned","by":["team:8:member","team:8:maintainer"]}]`)
	return integration.Page{
		Accounts: []gatehouse.Account{
			{ID: "1", Username: "ann", Name: "Ann", Email: "ann@example.com", EmailVerified: true, Type: gatehouse.AccountPerson, State: "active", TwoFactor: true, LastSignInAt: at},
			{ID: "2", Username: "bob", Name: "Bob", Email: "bob@example.com", EmailVerified: true, Type: gatehouse.AccountPerson, State: "disabled", TwoFactor: true, LastSignInAt: at},
		},
		Resources: []gatehouse.Resource{
			{ID: "team/8", Kind: gatehouse.ResourceOther, Parent: "org/7", Name: "Core", Path: "org:Acme/Core"},
			{ID: "org/7", Kind: gatehouse.ResourceOther, Name: "Acme", Path: "org:Acme"},
			{ID: "role/r/1", Kind: gatehouse.ResourceOther, Name: "Deployers", Path: "role:Deployers"},
		},
		Grants: []gatehouse.Grant{
			{AccountID: "1", ResourceID: "org/7", Role: one(50, "owner", `["org:7:owner"]`)},
			{AccountID: "1", ResourceID: "role/r/1", Role: assigned, Source: gatehouse.GrantByGroup},
			{AccountID: "2", ResourceID: "role/r/1", Role: assigned, Source: gatehouse.GrantByGroup},
			{AccountID: "1", ResourceID: "team/8", Role: one(40, "maintainer, member", `["team:8:maintainer","team:8:member"]`)},
			{AccountID: "2", ResourceID: "team/8", Role: one(10, "member", `["team:8:member"]`)},
		},
		Shares: []gatehouse.Share{{GroupID: "team/8", ResourceID: "role/r/1", Cap: bring}},
		Notes:  []gatehouse.Note{gatehouse.Notef("%d grants in the file are of or to something that is not in it; they were left out", 1)},
	}
}

func TestAFileIsReadWhole(t *testing.T) {
	t.Parallel()
	got, err := load(t, packed(database(t, sample())), "")
	if d := cmp.Diff(wanted(), got); err != nil || d != "" {
		t.Errorf("%v, -want +got:\n%s", err, d)
	}
}

func TestAnExpansionBesideTheGrantIsTheSame(t *testing.T) {
	t.Parallel()
	rows := sample()
	for i := range rows {
		if bytes.Contains(rows[i].data, []byte("GrantExpandable")) {
			rows[i] = row{"grants", gives(msg{}.str(2, "role:1:assigned"), thing("team", "8", "")), msg{}.str(1, "team:8:member").str(1, "team:8:maintainer")}
		}
	}
	got, err := load(t, packed(database(t, rows)), "new")
	if d := cmp.Diff(wanted(), got); err != nil || d != "" {
		t.Errorf("%v, -want +got:\n%s", err, d)
	}
}

func TestGroupsThatBringEachOtherEnd(t *testing.T) {
	t.Parallel()
	a, b := thing("team", "a", "A"), thing("team", "b", "B")
	ma, mb := right(a, "a:member", "member"), right(b, "b:member", "member")
	by := func(is string) msg { return wrap("GrantExpandable", msg{}.str(1, is)) }
	got, err := load(t, packed(database(t, []row{
		{"resource_types", msg{}.str(1, "user").num(3, 1), nil},
		{"resources", person("1", "Ann", "ann", "a@example.com", 1), nil},
		{"resources", within(a, "team", "b"), nil},
		{"resources", within(b, "team", "a"), nil},
		{"entitlements", ma, nil},
		{"entitlements", mb, nil},
		{"grants", gives(ma, thing("user", "1", "")), nil},
		{"grants", gives(mb, a).sub(4, by("a:member")), nil},
		{"grants", gives(ma, b).sub(4, by("b:member")), nil},
	})), "")
	if err != nil || len(got.Grants) != 2 || got.Grants[0].Source != "" || got.Grants[1].Source != gatehouse.GrantByGroup {
		t.Errorf("grants %+v, %v", got.Grants, err)
	}
}

func TestWhatIsNoWholeFileIsRefused(t *testing.T) {
	t.Parallel()
	good := packed(database(t, sample()))
	view := database(t, nil)
	many := make([]row, 1100)
	for i := range many {
		many[i] = row{"resources", thing("org", string(rune('a'+i)), "x"), nil}
	}
	for name, tt := range map[string]struct {
		data []byte
		sync string
	}{
		"empty":               {nil, ""},
		"something else":      {[]byte("PK\x03\x04 a zip file"), ""},
		"the third format":    {[]byte("C1Z3\x00\x00\x00\x00\x10"), ""},
		"cut":                 {good[:len(good)/2], ""},
		"no database":         {packed([]byte("not SQLite at all")), ""},
		"cut database":        {packed(view[:len(view)/3]), ""},
		"an unfinished sync":  {good, "broken"},
		"a partial sync":      {good, "part"},
		"an unknown sync":     {good, "none"},
		"an odd message":      {packed(database(t, append(sample(), row{"resources", msg{0xff, 0xff}, nil}))), ""},
		"a thing without id":  {packed(database(t, append(sample(), row{"resources", msg{}.str(3, "x"), nil}))), ""},
		"a group in protobuf": {packed(database(t, append(sample(), row{"grants", msg{0x0b, 0x0c}, nil}))), ""},
		"too many rows":       {packed(database(t, many)), ""},
		"too large":           {append([]byte("C1ZF\x00\x28\xb5\x2f\xfd\x00\x58"), bytes.Repeat([]byte{0x02, 0x00, 0x10, 0x00}, 200)...), ""},
	} {
		if page, err := load(t, tt.data, tt.sync); gatehouse.KindOf(err) != gatehouse.Invalid {
			t.Errorf("%s: %d accounts, %v; want it refused", name, len(page.Accounts), err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(packed(database(f, sample())))
	f.Add([]byte("C1Z3\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		page, err := load(t, data, "")
		if err != nil && gatehouse.KindOf(err) != gatehouse.Invalid {
			t.Fatalf("%d accounts, %v: what is wrong with a file is Invalid", len(page.Accounts), err)
		}
	})
}

func TestAFileThatAnotherProgramPackedIsRead(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/sample.c1z")
	if err != nil {
		t.Fatal(err)
	}
	got, err := load(t, data, "")
	if d := cmp.Diff(wanted(), got); err != nil || d != "" {
		t.Errorf("%v, -want +got:\n%s", err, d)
	}
}
