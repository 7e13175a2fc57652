package world

import (
	"cmp"
	"maps"
	"slices"
)

// snapshot is the world as it is written to a file: parents before children.
type snapshot struct {
	Users        []*User
	Groups       []*Group
	Projects     []*Project
	Members      []*Member
	Shares       []*Share
	Roles        []*Role
	Applications []*Application
	Tokens       []*Token
	Sessions     []Session
	Codes        []Code
	Secrets      map[string]string
	Next         counters
}

func (d *Data) snapshot() snapshot {
	s := snapshot{
		Users: d.users, Projects: d.projects, Members: sortedValues(d.memberByID), Shares: d.allShares(),
		Roles: d.roles, Sessions: d.sortedSessions(), Codes: d.sortedCodes(), Secrets: d.secrets, Next: d.next,
	}
	for _, root := range d.children[0] {
		s.Groups = append(append(s.Groups, root), d.Descendants(root.ID)...)
	}
	for _, key := range slices.Sorted(maps.Keys(d.apps)) {
		s.Applications = append(s.Applications, d.apps[key])
	}
	s.Tokens = slices.SortedFunc(d.Tokens(), func(a, b *Token) int { return cmp.Compare(a.ID, b.ID) })
	return s
}

func (s snapshot) data() (*Data, error) {
	d := newData()
	if err := addAll(s.Users, d.AddUser); err != nil {
		return nil, err
	}
	if err := addAll(s.Groups, d.AddGroup); err != nil {
		return nil, err
	}
	if err := s.addProjects(d); err != nil {
		return nil, err
	}
	if err := addAll(s.Members, d.AddMember); err != nil {
		return nil, err
	}
	if err := addAll(s.Shares, d.AddShare); err != nil {
		return nil, err
	}
	for _, r := range s.Roles {
		d.AddRole(*r)
	}
	for _, a := range s.Applications {
		d.AddApplication(*a)
	}
	for _, t := range s.Tokens {
		d.AddToken(*t)
	}
	for _, x := range s.Sessions {
		d.KeepSession(x)
	}
	for _, c := range s.Codes {
		d.codes[c.Value] = c
	}
	for name, value := range s.Secrets {
		d.SetSecret(name, value)
	}
	d.next = s.Next
	return d, nil
}

// addProjects adds the projects without the membership that AddProject gives the
// owner of a personal namespace: it is among the members, if it is still there.
func (s snapshot) addProjects(d *Data) error {
	for _, p := range s.Projects {
		kept, err := d.AddProject(*p)
		if err != nil {
			return err
		}
		d.emptySource(InProject(kept.ID))
	}
	d.next.Member = 0
	return nil
}

func addAll[T any](all []*T, add func(T) (*T, error)) error {
	for _, x := range all {
		if _, err := add(*x); err != nil {
			return err
		}
	}
	return nil
}

func sortedValues[T any](byID map[int64]T) []T {
	all := make([]T, 0, len(byID))
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		all = append(all, byID[id])
	}
	return all
}

func (d *Data) allShares() []*Share {
	var all []*Share
	for _, list := range d.sharesOf {
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b *Share) int { return cmp.Compare(a.ID, b.ID) })
	return all
}
