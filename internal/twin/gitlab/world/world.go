package world

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// A World is [Data] under a lock. Make one with [New], [Demo], [Generated] or
// [Load].
type World struct {
	mu      sync.RWMutex
	data    *Data
	version int64
	tell    func([]Happening) // nil: nobody listens
}

// New returns an empty world.
func New() *World { return &World{data: newData()} }

// Read calls fn with the data while nothing changes it. fn must not call other
// methods of the world.
func (w *World) Read(fn func(*Data)) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	fn(w.data)
}

// Write calls fn with the data while nobody else sees it.
func (w *World) Write(fn func(*Data) error) error {
	happened, tell, err := w.write(fn)
	if len(happened) > 0 {
		tell(happened)
	}
	return err
}

func (w *World) write(fn func(*Data) error) (happened []Happening, tell func([]Happening), err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.version++
	err = fn(w.data)
	happened, w.data.happened = w.data.happened, nil
	return happened, w.tell, err
}

// Version grows with every [World.Write].
func (w *World) Version() int64 {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.version
}

// AddUser adds an account and returns it as it is kept. See [Data.AddUser].
func (w *World) AddUser(u User) (User, error) {
	return added(w, func(d *Data) (*User, error) { return d.AddUser(u) })
}

// AddGroup adds a group. See [Data.AddGroup].
func (w *World) AddGroup(g Group) (Group, error) {
	return added(w, func(d *Data) (*Group, error) { return d.AddGroup(g) })
}

// AddProject adds a project. See [Data.AddProject].
func (w *World) AddProject(p Project) (Project, error) {
	return added(w, func(d *Data) (*Project, error) { return d.AddProject(p) })
}

// AddMember adds a direct membership, an invitation or a request. See [Data.AddMember].
func (w *World) AddMember(m Member) (Member, error) {
	return added(w, func(d *Data) (*Member, error) { return d.AddMember(m) })
}

// Share invites a group to a source. See [Data.AddShare].
func (w *World) Share(s Share) (Share, error) {
	return added(w, func(d *Data) (*Share, error) { return d.AddShare(s) })
}

// AddRole adds a custom role.
func (w *World) AddRole(r Role) Role {
	kept, _ := added(w, func(d *Data) (*Role, error) { return d.AddRole(r), nil })
	return kept
}

// AddApplication adds or replaces an OAuth application.
func (w *World) AddApplication(a Application) {
	_ = w.Write(func(d *Data) error { d.AddApplication(a); return nil })
}

// AddToken adds a token.
func (w *World) AddToken(t Token) Token {
	kept, _ := added(w, func(d *Data) (*Token, error) { return d.AddToken(t), nil })
	return kept
}

func added[T any](w *World, add func(*Data) (*T, error)) (kept T, err error) {
	err = w.Write(func(d *Data) error {
		p, err := add(d)
		if err == nil {
			kept = *p
		}
		return err
	})
	return kept, err
}

// SetState puts an account into a state without asking whether GitLab would.
func (w *World) SetState(user int64, s State) error {
	return w.EditUser(user, func(u *User) { u.State = s })
}

// EditUser changes an account in place.
func (w *World) EditUser(user int64, change func(*User)) error {
	return w.Write(func(d *Data) error {
		u := d.User(user)
		if u == nil {
			return fmt.Errorf("user %d %w", user, ErrUnknown)
		}
		d.EditUser(u, change)
		return nil
	})
}

// EditGroup changes a group in place.
func (w *World) EditGroup(group int64, change func(*Group)) error {
	return w.Write(func(d *Data) error {
		g := d.Group(group)
		if g == nil {
			return fmt.Errorf("group %d %w", group, ErrUnknown)
		}
		d.EditGroup(g, change)
		return nil
	})
}

// EditMember changes a direct membership in place.
func (w *World) EditMember(s Source, user int64, change func(*Member)) error {
	return w.Write(func(d *Data) error {
		m := d.Member(s, user)
		if m == nil {
			return fmt.Errorf("membership of user %d in %s %d %w", user, s.Kind, s.ID, ErrUnknown)
		}
		change(m)
		d.Changed(m)
		return nil
	})
}

// RemoveUser removes an account with all that hangs on it.
func (w *World) RemoveUser(user int64) error {
	return w.Write(func(d *Data) error {
		u := d.User(user)
		if u == nil {
			return fmt.Errorf("user %d %w", user, ErrUnknown)
		}
		d.RemoveUser(u)
		return nil
	})
}

// RemoveMember removes one direct membership.
func (w *World) RemoveMember(s Source, user int64) error {
	return w.Write(func(d *Data) error {
		m := d.Member(s, user)
		if m == nil {
			return fmt.Errorf("membership of user %d in %s %d %w", user, s.Kind, s.ID, ErrUnknown)
		}
		d.RemoveMember(m)
		return nil
	})
}

// RemoveGroup removes a group with everything below it.
func (w *World) RemoveGroup(group int64) error {
	return w.Write(func(d *Data) error {
		g := d.Group(group)
		if g == nil {
			return fmt.Errorf("group %d %w", group, ErrUnknown)
		}
		d.RemoveGroup(g)
		return nil
	})
}

// Unshare takes the invitation of a group to a source back.
func (w *World) Unshare(s Source, group int64) error {
	return w.Write(func(d *Data) error {
		for _, x := range d.SharesOf(s) {
			if x.GroupID == group {
				d.RemoveShare(x)
				return nil
			}
		}
		return fmt.Errorf("share of %s %d with group %d %w", s.Kind, s.ID, group, ErrUnknown)
	})
}

// ExpireMemberships does the work of GitLab's nightly worker: memberships and
// shares whose date has come end, and with a group membership all memberships of
// that user below the group. It returns how many dated memberships ended.
func (w *World) ExpireMemberships(now time.Time) int {
	ended := 0
	_ = w.Write(func(d *Data) error {
		ended = d.expire(now.UTC().Format(time.DateOnly))
		return nil
	})
	return ended
}

func (d *Data) expire(today string) int {
	ended := 0
	for _, m := range sortedValues(d.memberByID) {
		if m.ExpiresAt == "" || m.ExpiresAt > today || d.memberByID[m.ID] == nil {
			continue
		}
		d.RemoveMember(m)
		if m.Source.Kind == GroupSource {
			d.RemoveMemberBelow(m.Source.ID, m.UserID)
		}
		ended++
	}
	for _, s := range d.allShares() {
		if s.ExpiresAt != "" && s.ExpiresAt <= today {
			d.RemoveShare(s)
		}
	}
	return ended
}

// Save writes the world to a file, whole or not at all. Only the owner of the
// file can read it, since it holds tokens.
func (w *World) Save(file string) error {
	w.mu.RLock()
	raw, err := json.MarshalIndent(w.data.snapshot(), "", " ")
	w.mu.RUnlock()
	if err != nil {
		return fmt.Errorf("save the world: %w", err)
	}
	return WriteFile(file, raw)
}

// WriteFile replaces a file by another content in one step, readable to the
// owner only.
func WriteFile(file string, raw []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*")
	if err != nil {
		return fmt.Errorf("save %s: %w", file, err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	if _, err = tmp.Write(raw); err == nil {
		err = tmp.Sync()
	}
	if closed := tmp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("save %s: %w", file, err)
	}
	return nil
}

// Load reads a world that [World.Save] wrote.
func Load(file string) (*World, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("load the world: %w", err)
	}
	var s snapshot
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return nil, fmt.Errorf("load the world from %s: %w", file, err)
	}
	d, err := s.data()
	if err != nil {
		return nil, fmt.Errorf("load the world from %s: %w", file, err)
	}
	return &World{data: d}, nil
}
