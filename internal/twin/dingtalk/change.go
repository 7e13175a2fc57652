package dingtalk

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// World returns a copy of the world as it is now.
func (t *Twin) World() World {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state.World.clone()
}

func (w *World) clone() World {
	var c World
	data, err := json.Marshal(w)
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		panic(err) // it holds nothing that JSON cannot
	}
	return c
}

// change alters the world under the lock. It is all or nothing: a world that
// would contradict itself is not taken.
func (t *Twin) change(fn func(*World) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := t.state.World.clone()
	if err := fn(&next); err != nil {
		return err
	}
	if err := next.check(); err != nil {
		return err
	}
	t.state.World, t.changed = next, true
	return t.save()
}

// AddApp registers an app, or replaces the one with the same Key.
func (t *Twin) AddApp(app App) error {
	return t.change(func(w *World) error {
		if old := w.app(app.Key); old != nil {
			*old = app
			return nil
		}
		w.Apps = append(w.Apps, app)
		return nil
	})
}

// UpdateApp alters an app. A permission that is granted reaches only tokens
// that are issued, and sign-ins that are made, afterwards.
func (t *Twin) UpdateApp(key string, fn func(*App)) error {
	return t.change(func(w *World) error {
		app := w.app(key)
		if app == nil {
			return fmt.Errorf("there is no app %s", key)
		}
		fn(app)
		return nil
	})
}

// AddPerson makes a DingTalk account.
func (t *Twin) AddPerson(p Person) error {
	return t.change(func(w *World) error {
		w.People = append(w.People, p)
		return nil
	})
}

// UpdatePerson alters a DingTalk account, such as its nick or e-mail.
func (t *Twin) UpdatePerson(unionID string, fn func(*Person)) error {
	return t.change(func(w *World) error {
		p := w.person(unionID)
		if p == nil {
			return fmt.Errorf("there is no account %s", unionID)
		}
		fn(p)
		return nil
	})
}

// AddUser takes somebody into a company. Without DepartmentIDs they are in the
// root; for an unknown UnionID an account is made.
func (t *Twin) AddUser(corpID string, m Member) error {
	err := t.inCompany(corpID, func(w *World, c *Company) error {
		if len(m.DepartmentIDs) == 0 && !m.External {
			m.DepartmentIDs = []int64{RootDepartment}
		}
		if w.person(m.UnionID) == nil {
			w.People = append(w.People, Person{UnionID: m.UnionID, Nick: m.Name, Mobile: m.Mobile, StateCode: m.StateCode})
		}
		c.Members = append(c.Members, m)
		return nil
	})
	if err == nil && !m.External {
		t.emit(corpID, "user_add_org", []string{m.UserID}, nil)
		t.emit(corpID, "user_modify_org", []string{m.UserID}, nil)
	}
	return err
}

// UpdateUser alters somebody's record in a company.
func (t *Twin) UpdateUser(corpID, userID string, fn func(*Member)) error {
	err := t.inCompany(corpID, func(_ *World, c *Company) error {
		m := c.member(userID)
		if m == nil {
			return fmt.Errorf("company %s has no user %s", corpID, userID)
		}
		fn(m)
		return nil
	})
	if err == nil {
		t.emit(corpID, "user_modify_org", []string{userID}, nil)
	}
	return err
}

// MoveUser puts somebody into other departments, the main one first.
func (t *Twin) MoveUser(corpID, userID string, departmentIDs ...int64) error {
	return t.UpdateUser(corpID, userID, func(m *Member) {
		m.DepartmentIDs = departmentIDs
		m.Leads = slices.DeleteFunc(m.Leads, func(id int64) bool { return !slices.Contains(departmentIDs, id) })
	})
}

// RemoveUser lets somebody leave a company: the record is gone, and a leave
// record with the reason ("" is "leave") is there. The account stays.
func (t *Twin) RemoveUser(corpID, userID, reason string) error {
	now := t.clock()
	err := t.inCompany(corpID, func(_ *World, c *Company) error {
		m := c.member(userID)
		if m == nil {
			return fmt.Errorf("company %s has no user %s", corpID, userID)
		}
		if reason == "" {
			reason = "leave"
		}
		if !m.External {
			c.Left = append(c.Left, Leaver{
				UserID: m.UserID, Name: m.Name, Mobile: m.Mobile, StateCode: stateCode(m.StateCode), LeftAt: now, Reason: reason,
			})
		}
		c.Members = slices.DeleteFunc(c.Members, func(m Member) bool { return m.UserID == userID })
		c.forget(userID)
		return nil
	})
	if err == nil {
		t.emit(corpID, "user_leave_org", []string{userID}, nil)
	}
	return err
}

// forget removes a leaver from what others are said to answer to.
func (c *Company) forget(userID string) {
	for i := range c.Departments {
		d := &c.Departments[i]
		d.Managers = slices.DeleteFunc(d.Managers, func(id string) bool { return id == userID })
	}
	for i := range c.Members {
		if c.Members[i].ManagerUserID == userID {
			c.Members[i].ManagerUserID = ""
		}
	}
}

// AddDepartment makes a department; without a ParentID it is below the root.
func (t *Twin) AddDepartment(corpID string, d Department) error {
	err := t.inCompany(corpID, func(_ *World, c *Company) error {
		if d.ParentID == 0 {
			d.ParentID = RootDepartment
		}
		c.Departments = append(c.Departments, d)
		return nil
	})
	if err == nil {
		t.emit(corpID, "org_dept_create", nil, []int64{d.ID})
	}
	return err
}

// UpdateDepartment renames, moves or otherwise alters a department.
func (t *Twin) UpdateDepartment(corpID string, id int64, fn func(*Department)) error {
	err := t.inCompany(corpID, func(_ *World, c *Company) error {
		d := c.department(id)
		if d == nil {
			return fmt.Errorf("company %s has no department %d", corpID, id)
		}
		fn(d)
		return nil
	})
	if err == nil {
		t.emit(corpID, "org_dept_modify", nil, []int64{id})
	}
	return err
}

// RemoveDepartment removes a department and those below it. None of them may
// hold members.
func (t *Twin) RemoveDepartment(corpID string, id int64) error {
	var removed []int64
	err := t.inCompany(corpID, func(_ *World, c *Company) error {
		if id == RootDepartment || c.department(id) == nil {
			return fmt.Errorf("company %s has no department %d that can be removed", corpID, id)
		}
		gone := map[int64]bool{}
		for _, d := range c.Departments {
			gone[d.ID] = slices.Contains(c.path(d.ID), id)
		}
		for _, m := range c.Members {
			if slices.ContainsFunc(m.DepartmentIDs, func(id int64) bool { return gone[id] }) {
				return fmt.Errorf("department %d still holds %s", id, m.UserID)
			}
		}
		removed = nil
		for _, d := range c.Departments {
			if gone[d.ID] {
				removed = append(removed, d.ID)
			}
		}
		c.Departments = slices.DeleteFunc(c.Departments, func(d Department) bool { return gone[d.ID] })
		return nil
	})
	if err == nil {
		t.emit(corpID, "org_dept_remove", nil, removed)
	}
	return err
}

func (t *Twin) inCompany(corpID string, fn func(*World, *Company) error) error {
	return t.change(func(w *World) error {
		c := w.company(corpID)
		if c == nil {
			return fmt.Errorf("there is no company %s", corpID)
		}
		return fn(w, c)
	})
}

// InAppCode makes the code that DingTalk gives to a page of the app that the
// user opened inside DingTalk. It is good once, for five minutes.
func (t *Twin) InAppCode(appKey, userID string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	app := t.state.World.app(appKey)
	if app == nil {
		return "", fmt.Errorf("there is no app %s", appKey)
	}
	c := t.state.World.company(app.CorpID)
	m := c.member(userID)
	if m == nil || m.External || m.Inactive {
		return "", fmt.Errorf("nobody with the userid %s can open the app", userID)
	}
	value := t.issueCode(code{Flow: flowInApp, App: app.Key, UnionID: m.UnionID, CorpID: c.CorpID}, t.clock())
	return value, t.save()
}

// check finds contradictions.
func (w *World) check() error {
	people := map[string]bool{}
	for _, p := range w.People {
		if p.UnionID == "" || people[p.UnionID] {
			return fmt.Errorf("the account %q (%s) has no unionId of its own", p.Nick, p.UnionID)
		}
		people[p.UnionID] = true
	}
	corps := map[string]bool{}
	for i := range w.Companies {
		c := &w.Companies[i]
		if c.CorpID == "" || corps[c.CorpID] {
			return fmt.Errorf("the company %q has no corpId of its own", c.Name)
		}
		corps[c.CorpID] = true
		if err := c.check(people); err != nil {
			return fmt.Errorf("company %s: %w", c.CorpID, err)
		}
	}
	apps := map[string]bool{}
	for _, a := range w.Apps {
		if a.Key == "" || a.Secret == "" || apps[a.Key] {
			return fmt.Errorf("the app %q has no key or secret of its own", a.Name)
		}
		if !corps[a.CorpID] {
			return fmt.Errorf("the app %s belongs to no company: %q", a.Key, a.CorpID)
		}
		apps[a.Key] = true
	}
	return nil
}

func (c *Company) check(people map[string]bool) error {
	if c.department(RootDepartment) == nil {
		return errors.New("it has no root department")
	}
	depts := map[int64]bool{}
	for _, d := range c.Departments {
		if depts[d.ID] {
			return fmt.Errorf("two departments are called %d", d.ID)
		}
		depts[d.ID] = true
		if path := c.path(d.ID); path[len(path)-1] != RootDepartment {
			return fmt.Errorf("department %d does not hang below the root", d.ID)
		}
	}
	ids, unions := map[string]bool{}, map[string]bool{}
	for _, m := range c.Members {
		switch {
		case m.UserID == "" || ids[m.UserID]:
			return fmt.Errorf("the member %q has no userid of its own", m.Name)
		case !people[m.UnionID] || unions[m.UnionID]:
			return fmt.Errorf("the member %s has no account of its own", m.UserID)
		case !m.External && len(m.DepartmentIDs) == 0:
			return fmt.Errorf("the member %s is in no department", m.UserID)
		case !extensionOK(m.Extension):
			return fmt.Errorf("the extension of %s is not a JSON object of texts", m.UserID)
		}
		for _, id := range m.DepartmentIDs {
			if !depts[id] {
				return fmt.Errorf("the member %s is in department %d, which does not exist", m.UserID, id)
			}
		}
		ids[m.UserID], unions[m.UnionID] = true, true
	}
	return nil
}
