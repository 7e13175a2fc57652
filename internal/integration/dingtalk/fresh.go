package dingtalk

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/internal/integration"
)

// Resource reads one department afresh, with all who are directly in it.
func (s *Source) Resource(ctx context.Context, id gatehouse.ResourceID) (integration.Contents, error) {
	n := parseDepartment(id)
	if n == 0 {
		return integration.Contents{}, gatehouse.Errorf(gatehouse.NotFound, "DingTalk's directory has no such department.")
	}
	var made counter
	var d departmentRow
	if err := s.top(ctx, pathDepartment, &made, map[string]any{"dept_id": n, "language": "zh_CN"}, &d); err != nil {
		return integration.Contents{}, words(err)
	}
	if d.ID != n {
		return integration.Contents{}, words(unusable(errors.New("the directory answered with another department than was asked for")))
	}
	above, top, err := s.above(ctx, n, &made)
	if err != nil {
		return integration.Contents{}, words(err)
	}
	p := &pull{Source: s}
	var c integration.Contents
	c.Resource = departmentResource(d, pathOf(above, d), top)
	at := stop{ID: n, Managers: d.Managers}
	for {
		var v visit
		if err := p.inside(ctx, at, &v, &made); err != nil {
			return integration.Contents{}, words(err)
		}
		c.Grants = append(c.Grants, v.grants...)
		if len(v.next) == 0 {
			return c, nil
		}
		at = v.next[0]
	}
}

// above is the path of what a department lies in, and whether the contact scope
// begins with it.
func (s *Source) above(ctx context.Context, id int64, made *counter) (path string, top bool, err error) {
	if id == rootDepartment {
		return "", true, nil
	}
	var all struct {
		IDs []int64 `json:"parent_id_list"` // itself first, the root last
	}
	if err := s.top(ctx, pathAbove, made, map[string]any{"dept_id": id}, &all); err != nil {
		return "", false, err
	}
	var names []string
	top = true
	for _, up := range all.IDs {
		if up == id {
			continue
		}
		var d departmentRow
		err := s.top(ctx, pathDepartment, made, map[string]any{"dept_id": up, "language": "zh_CN"}, &d)
		if n := code(err); n == 50004 || n == 60003 {
			break // the scope begins below
		}
		if err != nil {
			return "", false, err
		}
		top = false
		if up != rootDepartment {
			names = append(names, pathOf("", d))
		}
	}
	slices.Reverse(names)
	return strings.Join(names, "/"), top, nil
}

// departmentResource is a department as a resource. That which the contact scope begins
// with has nothing above it.
func departmentResource(d departmentRow, path string, top bool) gatehouse.Resource {
	r := gatehouse.Resource{ID: departmentID(d.ID), Kind: gatehouse.ResourceDepartment, Name: d.Name, Path: path}
	if d.Parent > 0 && !top {
		r.Parent = departmentID(d.Parent)
	}
	return r
}

// glanced is what a glance remembers: until when DingTalk's records of leavers
// were read, and what the contact scope was.
type glanced struct {
	Until time.Time `json:"until"`
	Scope scope     `json:"scope"`
}

// glanceBack is how far a glance looks back behind the one before: a record may
// be written late.
const glanceBack = time.Hour

// Glance asks who left since the last time, and whether the contact scope is
// another. It finds leavers where no news come, or where one was lost.
func (s *Source) Glance(ctx context.Context, mark string) (integration.Glance, error) {
	var made counter
	now := s.client.env.Clock.Now()
	var before glanced
	known := json.Unmarshal([]byte(mark), &before) == nil
	seen, err := s.scope(ctx, &made)
	if err != nil {
		return integration.Glance{}, words(err)
	}
	var g integration.Glance
	if known && !before.Scope.same(seen) {
		g.Notices = append(g.Notices, gatehouse.Notice{Kind: gatehouse.NoticeAll, Event: "contact scope changed"})
	}
	if known {
		left, err := s.left(ctx, before.Until.Add(-glanceBack), &made)
		if err != nil && !lacks(err) {
			return integration.Glance{}, words(err)
		}
		for id, r := range left {
			if id != "" {
				g.Notices = append(g.Notices, gatehouse.Notice{ID: "left/" + id + "/" + r.LeftAt, Kind: gatehouse.NoticeAccount, Subject: id, Event: "user_leave_org"})
			}
		}
	}
	next, err := json.Marshal(glanced{Until: now, Scope: seen})
	g.Next, g.Requests = string(next), made.Load()
	return g, err
}
