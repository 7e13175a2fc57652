package dingtalk

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bounds of what one sign-in may ask about departments.
const (
	mostDepartments = 50   // of one person
	mostNames       = 60   // asked for at one sign-in; DingTalk allows 20 calls a second
	keptNames       = 5000 // remembered
	nameLife        = 10 * time.Minute
	rootDepartment  = 1 // the company itself
)

// departments remembers names of departments for a while: people of one team
// sign in one after another. The zero value is empty.
type departments struct {
	mu  sync.Mutex
	all map[departmentKey]departmentName
}

type departmentKey struct {
	company string
	id      int64
}

type departmentName struct {
	name    string // "" = outside of what the app may see
	expires time.Time
}

func (d *departments) find(k departmentKey, now time.Time) (string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, ok := d.all[k]
	return n.name, ok && now.Before(n.expires)
}

func (d *departments) keep(k departmentKey, name string, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all == nil || len(d.all) >= keptNames {
		d.all = map[departmentKey]departmentName{}
	}
	d.all[k] = departmentName{name, now.Add(nameLife)}
}

// department is one that a person is in.
type department struct {
	id   int64
	path string // names from the top down with slashes between, without the company's: 研发中心/平台组
}

// departmentsOf reads the departments that a person is in directly (permission
// qyapi_get_department_list). What lies outside of what the app may see is left
// out of a path; a person who is only in the company's root has none.
func (c *client) departmentsOf(ctx context.Context, company, userID string) ([]department, error) {
	var above struct {
		List []struct {
			IDs []int64 `json:"parent_dept_id_list"` // the department first, the root last
		} `json:"parent_list"`
	}
	if err := c.topapi(ctx, company, "/topapi/v2/department/listparentbyuser", map[string]any{"userid": userID}, &above); err != nil {
		return nil, err
	}
	var all []department
	asked := 0
	for _, way := range above.List {
		if len(way.IDs) == 0 || way.IDs[0] == rootDepartment || len(all) == mostDepartments {
			continue
		}
		var names []string
		for _, id := range way.IDs {
			if id == rootDepartment {
				break
			}
			name, err := c.departmentName(ctx, departmentKey{company, id}, &asked)
			if err != nil {
				return nil, err
			}
			if name == "" {
				break
			}
			names = append([]string{name}, names...)
		}
		all = append(all, department{way.IDs[0], strings.Join(names, "/")})
	}
	return all, nil
}

// departmentName is a department's name with its slashes made dashes, since
// slashes part the levels of a path.
func (c *client) departmentName(ctx context.Context, k departmentKey, asked *int) (string, error) {
	now := c.env.Clock.Now()
	if name, ok := c.departments.find(k, now); ok {
		return name, nil
	}
	if *asked++; *asked > mostNames {
		return strconv.FormatInt(k.id, 10), nil
	}
	var d struct {
		Name string `json:"name"`
	}
	err := c.topapi(ctx, k.company, "/topapi/v2/department/get", map[string]any{"dept_id": k.id, "language": "zh_CN"}, &d)
	if n := code(err); n == 50004 || n == 60003 { // not in the contact scope, or gone meanwhile
		err = nil
	}
	if err != nil {
		return "", err
	}
	name := strings.ReplaceAll(strings.TrimSpace(d.Name), "/", "-")
	c.departments.keep(k, name, now)
	return name, nil
}
