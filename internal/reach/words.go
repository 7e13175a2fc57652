package reach

import (
	"gatehouse"
	"gatehouse/internal/i18n"
)

// Sentence says all steps of a path in an app of a kind, one after the other. It
// can be read without anything beside it.
func Sentence(l i18n.Lang, kind string, p Path) string {
	said, before := "", ""
	for _, s := range p.Steps {
		words := stepInWords(l, kind, before, s)
		before = s.Resource.Path
		if said == "" {
			said = words
			continue
		}
		said = i18n.T(l, "%s; %s", said, words)
	}
	return said
}

// stepInWords says one step; before is where the step before led to.
func stepInWords(l i18n.Lang, kind, before string, s Step) string {
	at := s.Resource.Path
	switch s.Kind {
	case Member:
		return i18n.T(l, "direct member of %s as %s", at, RoleText(l, kind, s.Role))
	case Owner:
		return i18n.T(l, "owner of the personal project %s", at)
	case Invited:
		return i18n.T(l, "the group %s is invited to %s with at most %s", before, at, RoleText(l, kind, s.Cap))
	case Inherits:
		return i18n.T(l, "%s lies in %s", at, before)
	}
	return string(s.Kind)
}

// Summary says in a few words by what an account reaches the resource at the end
// of a path. It stands where the resource, the role and the steps are shown, too.
func Summary(l i18n.Lang, kind string, p Path) string {
	switch p.Kind {
	case Direct:
		return i18n.T(l, "Direct member")
	case Owned:
		return i18n.T(l, "Owner of this personal project")
	case Inherited:
		if len(p.Steps) > 0 && p.Steps[0].Resource.Kind == gatehouse.ResourceDepartment {
			return i18n.T(l, "Manages the department %s, which it lies in", p.Steps[0].Resource.Path)
		}
		if len(p.Steps) > 0 {
			return i18n.T(l, "Inherited from the group %s", p.Steps[0].Resource.Path)
		}
	case Shared, InheritedShared:
		group, to, limit := invitation(p)
		if p.Kind == Shared {
			return i18n.T(l, "Through the group %s, which is invited with at most %s", group, RoleText(l, kind, limit))
		}
		return i18n.T(l, "Through the group %s, which is invited to %s with at most %s", group, to, RoleText(l, kind, limit))
	}
	return string(p.Kind)
}

// invitation is the last share of a path: which group is invited, to what, and
// with which cap.
func invitation(p Path) (group, to string, limit gatehouse.Role) {
	for i, s := range p.Steps {
		if s.Kind == Invited && i > 0 {
			group, to, limit = p.Steps[i-1].Resource.Path, s.Resource.Path, s.Cap
		}
	}
	return group, to, limit
}
