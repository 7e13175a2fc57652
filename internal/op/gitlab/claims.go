package gitlab

import (
	"gatehouse"
	"gatehouse/internal/reach"
)

// How many groups a token or an answer names at most.
const (
	MostInToken    = 200   // an ID token travels in headers and cookies
	MostInUserinfo = 5_000 // beyond, GET /api/v4/groups has all of them
)

// Claims are GitLab's claims about groups, by full paths: of all groups that the
// person belongs to, however that came about; of those that they are a direct
// member of; and of those where they have exactly one of three roles. When there
// are too many of them, none is named at all, since apps would take a part for
// the whole: Omitted says how many there are.
type Claims struct {
	Groups     []string `json:"groups,omitzero"`
	Direct     []string `json:"groups_direct,omitzero"`
	Owner      []string `json:"https://gitlab.org/claims/groups/owner,omitempty"`
	Maintainer []string `json:"https://gitlab.org/claims/groups/maintainer,omitempty"`
	Developer  []string `json:"https://gitlab.org/claims/groups/developer,omitempty"`
	Omitted    int      `json:"groups_omitted,omitempty"`
}

// ClaimNames are the names of what is in Claims.
func ClaimNames() []string {
	return []string{
		"groups", "groups_direct", "https://gitlab.org/claims/groups/owner", "https://gitlab.org/claims/groups/maintainer",
		"https://gitlab.org/claims/groups/developer", "groups_omitted",
	}
}

// ClaimsOf are the claims of standings, which may hold projects too. Minimal
// access is no membership.
func ClaimsOf(all []reach.Standing, most int) Claims {
	c := Claims{Groups: []string{}, Direct: []string{}}
	for _, s := range all {
		if s.Resource.Kind != gatehouse.ResourceGroup || s.Level() <= minimalLevel {
			continue
		}
		path := s.Resource.Path
		c.Groups = append(c.Groups, path)
		if s.Direct > minimalLevel {
			c.Direct = append(c.Direct, path)
		}
		switch s.Level() {
		case ownerLevel:
			c.Owner = append(c.Owner, path)
		case 40:
			c.Maintainer = append(c.Maintainer, path)
		case 30:
			c.Developer = append(c.Developer, path)
		}
	}
	if len(c.Groups) > most {
		return Claims{Omitted: len(c.Groups)}
	}
	return c
}
