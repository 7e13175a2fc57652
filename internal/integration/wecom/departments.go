package wecom

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/integration/authcode"
)

// Bounds of what one sign-in may ask about departments.
const (
	mostDepartments = 50
	mostLevels      = 20 // WeCom has at most 15
	mostAsked       = 60 // at one sign-in
	keptNames       = 5000
	nameLife        = 10 * time.Minute
	rootDepartment  = 1
)

// departmentNames remembers departments for a while: people of one team sign in
// one after another. The zero value is empty.
type departmentNames struct {
	mu  sync.Mutex
	all map[int64]departmentEntry
}

type departmentEntry struct {
	name    string // "" = the app may not see it
	parent  int64
	expires time.Time
}

func (n *departmentNames) find(id int64, now time.Time) (departmentEntry, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e, ok := n.all[id]
	return e, ok && now.Before(e.expires)
}

func (n *departmentNames) keep(id int64, e departmentEntry) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all == nil || len(n.all) >= keptNames {
		n.all = map[int64]departmentEntry{}
	}
	n.all[id] = e
}

// departmentPath is a department's name with those above it, from the top down
// with slashes between and without the company's: 研发中心/平台组. What the app may
// not see is left out.
func (d *door) departmentPath(ctx context.Context, id int64, asked *int) (string, error) {
	var names []string
	for range mostLevels {
		if id <= rootDepartment {
			break
		}
		e, err := d.department(ctx, id, asked)
		if err != nil || e.name == "" {
			return strings.Join(names, "/"), err
		}
		names = append([]string{e.name}, names...)
		id = e.parent
	}
	return strings.Join(names, "/"), nil
}

// department asks department/get (path/95351).
func (d *door) department(ctx context.Context, id int64, asked *int) (departmentEntry, error) {
	now := d.client.Clock.Now()
	if e, ok := d.names.find(id, now); ok {
		return e, nil
	}
	if *asked++; *asked > mostAsked {
		return departmentEntry{}, nil
	}
	told, err := d.get(ctx, "/cgi-bin/department/get", url.Values{"id": {strconv.FormatInt(id, 10)}})
	if n := codeOf(err); n == notPrivileged || n == noSuchDepartment {
		told, err = nil, nil
	}
	if err != nil {
		return departmentEntry{}, err
	}
	row, _ := told["department"].(map[string]any)
	parent, _ := authcode.Integer(row["parentid"])
	name := strings.ReplaceAll(authcode.Text(row["name"]), "/", "-") // slashes part the levels
	e := departmentEntry{name: name, parent: parent, expires: now.Add(nameLife)}
	d.names.keep(id, e)
	return e, nil
}

const noSuchDepartment = 60123
