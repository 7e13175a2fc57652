package reach

import (
	"cmp"
	"slices"
	"time"

	"gatehouse"
)

// The times and roles by which findings are judged.
const (
	// DormantAfter is how long an owner may stay away.
	DormantAfter = 90 * 24 * time.Hour
	// Soon is how long before an end it is found.
	Soon = 30 * 24 * time.Hour
	// HighRole is the least level that is high for somebody from outside: GitLab's
	// Maintainer.
	HighRole = 40
	// MostFindings bounds the findings of one kind in one app, in their order.
	MostFindings = 5000
)

// Facts is what findings are worked out from: an app as it is now.
type Facts struct {
	Kind      string                  // of the connector
	Accounts  []gatehouse.Account     // all
	Resources []gatehouse.Resource    // all
	Grants    []gatehouse.Grant       // of a high role, or that end soon; others may be among them
	Shares    []gatehouse.Share       // on groups, with the role of an owner
	Users     map[string]UserStanding // of those users who are not simply active, by id
	Now       time.Time
	Unseen    map[gatehouse.ResourceID]bool // of which the last pull could not see everything
}

// UserStanding is what findings need to know of a user.
type UserStanding struct {
	Left     bool // left or blocked here, or gone from the directory
	External bool
}

// Findings works out what a person should look at, in a set order: by kind,
// then by what it is about. At most MostFindings of a kind are given.
func (f Facts) Findings() []gatehouse.Finding {
	s := sifter{Facts: f, accounts: map[string]gatehouse.Account{}, resources: map[gatehouse.ResourceID]gatehouse.Resource{}}
	for _, a := range f.Accounts {
		s.accounts[a.ID] = a
		s.dated = s.dated || !a.LastSignInAt.IsZero() || !a.LastActiveAt.IsZero()
	}
	for _, r := range f.Resources {
		s.resources[r.ID] = r
	}
	s.judgeAccounts()
	s.judgeGrants()
	s.judgeGroups()
	return bounded(s.found)
}

// bounded puts findings in order, and leaves no more of a kind than fit.
func bounded(found []gatehouse.Finding) []gatehouse.Finding {
	kinds := gatehouse.FindingKinds()
	slices.SortFunc(found, func(a, b gatehouse.Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)),
			cmp.Compare(a.AccountID, b.AccountID), cmp.Compare(a.ResourceID, b.ResourceID))
	})
	count := map[gatehouse.FindingKind]int{}
	return slices.DeleteFunc(found, func(f gatehouse.Finding) bool {
		count[f.Kind]++
		return count[f.Kind] > MostFindings
	})
}

// sifter gathers findings.
type sifter struct {
	Facts
	accounts  map[string]gatehouse.Account
	resources map[gatehouse.ResourceID]gatehouse.Resource
	dated     bool // the app shows when people were there
	found     []gatehouse.Finding
}

func (s *sifter) account(kind gatehouse.FindingKind, a gatehouse.Account, why gatehouse.Note) {
	s.found = append(s.found, gatehouse.Finding{Kind: kind, AccountID: a.ID, Subject: cmp.Or(a.Name, a.Username, "#"+a.ID), Why: why})
}

func (s *sifter) judgeAccounts() {
	directory := s.Kind == "dingtalk" // which says who is there: nobody in it is too much
	for _, a := range s.Accounts {
		switch {
		case !active(a) || directory:
		case person(a) && a.UserID == "":
			s.account(gatehouse.FindingOrphaned, a, gatehouse.Notef("The account %s is matched to nobody.", handle(a)))
		case person(a) && s.Users[a.UserID].Left:
			s.account(gatehouse.FindingLeft, a, gatehouse.Notef("The person of the account %s has left or is blocked, and the account still works.", handle(a)))
		case a.UserID == "" && (a.Type == gatehouse.AccountService || a.Type == gatehouse.AccountTokenBot):
			s.account(gatehouse.FindingUnownedBot, a, gatehouse.Notef("Nobody answers for %s, which is not a person.", handle(a)))
		}
	}
}

// judgeGrants finds what is wrong with who holds what directly.
func (s *sifter) judgeGrants() {
	high, owns := map[string][]gatehouse.Grant{}, map[string]bool{}
	for _, g := range s.Grants {
		a, known := s.accounts[g.AccountID]
		if !known || !active(a) || !Holds(g, s.Now) {
			continue
		}
		s.judgeEnd(a, g)
		if g.Role.Level >= HighRole && (a.External || s.Users[a.UserID].External) {
			high[a.ID] = append(high[a.ID], g)
		}
		if g.Role.Level >= ownerLevel {
			owns[a.ID] = true
		}
	}
	for id, grants := range high {
		best := slices.MaxFunc(grants, func(a, b gatehouse.Grant) int {
			return cmp.Or(cmp.Compare(a.Role.Level, b.Role.Level), cmp.Compare(s.path(b.ResourceID), s.path(a.ResourceID)))
		})
		a := s.accounts[id]
		s.account(gatehouse.FindingExternalHigh, a, gatehouse.Notef("%s is from outside and has the role %s in %s (direct memberships with a high role: %d).",
			handle(a), RoleName(s.Kind, best.Role), s.path(best.ResourceID), len(grants)))
	}
	for id := range owns {
		if a := s.accounts[id]; s.dormant(a) {
			s.account(gatehouse.FindingDormantOwner, a, dormantNote(a))
		}
	}
}

// judgeEnd finds a membership that ends soon.
func (s *sifter) judgeEnd(a gatehouse.Account, g gatehouse.Grant) {
	if !person(a) || g.ExpiresAt.IsZero() || g.ExpiresAt.After(s.Now.Add(Soon)) {
		return
	}
	s.found = append(s.found, gatehouse.Finding{
		Kind: gatehouse.FindingExpiringAccess, AccountID: a.ID, ResourceID: g.ResourceID, Subject: s.path(g.ResourceID),
		Why: gatehouse.Notef("%s is a member of %s with the role %s until %s.", handle(a), s.path(g.ResourceID), RoleName(s.Kind, g.Role), g.ExpiresAt.UTC().Format(time.DateOnly)),
	})
}

// dormant says whether a person has neither signed in nor done anything for
// long. Of an app that shows no dates at all it is never said.
func (s *sifter) dormant(a gatehouse.Account) bool {
	last := latest(a.LastSignInAt, a.LastActiveAt)
	if last.IsZero() {
		last = a.CreatedAt // was never there
	}
	return s.dated && person(a) && !last.IsZero() && s.Now.Sub(last) > DormantAfter
}

func dormantNote(a gatehouse.Account) gatehouse.Note {
	last := latest(a.LastSignInAt, a.LastActiveAt)
	if last.IsZero() {
		return gatehouse.Notef("%s is an owner and has never signed in.", handle(a))
	}
	return gatehouse.Notef("%s is an owner, and has neither signed in nor been active since %s.", handle(a), last.UTC().Format(time.DateOnly))
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// path is what a resource is called.
func (s *sifter) path(id gatehouse.ResourceID) string {
	return cmp.Or(s.resources[id].Path, string(id))
}

// handle is what an account is called in a sentence.
func handle(a gatehouse.Account) string {
	if a.Username == "" {
		return cmp.Or(a.Name, "#"+a.ID)
	}
	return "@" + a.Username
}

func person(a gatehouse.Account) bool { return a.Type == gatehouse.AccountPerson || a.Type == "" }

// active says whether the app lets an account in. Its word is kept raw; all but
// these two keep somebody out or do not work yet.
func active(a gatehouse.Account) bool { return a.State == "active" || a.State == "" }
