package c1z

import (
	"cmp"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/internal/integration"
)

// mostHolders bounds what groups may bring, so that a small file cannot make
// work without an end.
const mostHolders = 5_000_000

// deepest bounds the walk up a tree of resources.
const deepest = 64

// translate says what a run saw in our own nouns. verified: the app has verified
// the addresses of its accounts, which a file does not tell.
func translate(c contents, verified bool) (integration.Page, error) {
	var p integration.Page
	for _, id := range c.order {
		r := c.resources[id]
		if c.isAccount(id) {
			p.Accounts = append(p.Accounts, account(r, verified))
			continue
		}
		p.Resources = append(p.Resources, gatehouse.Resource{
			ID: resourceID(id), Kind: gatehouse.ResourceOther, Parent: c.parent(r), Name: cmp.Or(r.name, id.id), Path: c.path(r),
		})
	}
	w := newWeb(c)
	p.Shares = w.shares()
	var err error
	if p.Grants, err = w.grants(); err != nil {
		return p, err
	}
	p.Notes = w.notes()
	return p, nil
}

func (c contents) isAccount(id ref) bool { return c.types[id.kind].user || c.resources[id].user != nil }

// kindText is a resource type as it may stand before a slash.
func kindText(kind string) string {
	return strings.NewReplacer("%", "%25", "/", "%2F").Replace(kind)
}

func resourceID(id ref) gatehouse.ResourceID {
	return gatehouse.ResourceID(kindText(id.kind) + "/" + id.id)
}

// usualUser is the resource type of accounts that need not be named.
const usualUser = "user"

// accountID is the id alone for the usual type, so that it is the app's own.
func accountID(id ref) string {
	if id.kind == usualUser && !strings.Contains(id.id, "/") {
		return id.id
	}
	return kindText(id.kind) + "/" + id.id
}

// splitID is the other way round of resourceID and accountID.
func splitID(id string) ref {
	kind, rest, ok := strings.Cut(id, "/")
	if !ok {
		return ref{usualUser, id}
	}
	return ref{strings.NewReplacer("%2F", "/", "%25", "%").Replace(kind), rest}
}

func account(r resource, verified bool) gatehouse.Account {
	u := user{}
	if r.user != nil {
		u = *r.user
	}
	created := u.created
	if created.IsZero() {
		created = r.created
	}
	state := u.status
	if state.code == 0 {
		state = r.status
	}
	return gatehouse.Account{
		ID: accountID(r.id), Username: u.login, Name: cmp.Or(r.name, u.login, r.id.id), Email: u.email, EmailVerified: verified && u.email != "",
		Type: accountType(u.kind), State: stateOf(state), TwoFactor: u.secondFactor, CreatedAt: created, LastSignInAt: u.signedIn,
	}
}

// accountType translates UserTrait.AccountType.
func accountType(kind uint64) gatehouse.AccountType {
	switch kind {
	case 2:
		return gatehouse.AccountService
	case 3:
		return gatehouse.AccountInternal
	}
	return gatehouse.AccountPerson
}

// word is a status that an app tells by one word of its own.
var word = regexp.MustCompile(`^[a-z][a-z_]{1,39}$`)

func stateOf(s status) string {
	switch {
	case s.code == 2 && word.MatchString(s.details) && s.details != "active":
		return s.details
	case s.code == 2:
		return "disabled"
	case s.code == 3:
		return "deleted"
	}
	return "active"
}

// parent is what a resource lies in; a thing of a person lies in nothing.
func (c contents) parent(r resource) gatehouse.ResourceID {
	if _, ok := c.resources[r.parent]; !ok || c.isAccount(r.parent) || r.parent == r.id {
		return ""
	}
	return resourceID(r.parent)
}

// path is the full path by names; at the top it begins with what kind it is.
func (c contents) path(r resource) string {
	names := []string{cmp.Or(r.name, r.id.id)}
	at := r
	for range deepest {
		if c.parent(at) == "" {
			break
		}
		at = c.resources[at.parent]
		names = append(names, cmp.Or(at.name, at.id.id))
	}
	slices.Reverse(names)
	return kindText(at.id.kind) + ":" + strings.Join(names, "/")
}

// held is by which grant somebody holds an entitlement.
type held struct{ direct bool }

// web is who holds what, with what holding it brings.
type web struct {
	contents
	holders  map[string]map[ref]held // by entitlement
	brings   map[string][]edge       // by the entitlement that is held
	groups   int                     // grants to groups that bring their members nothing
	unknown  int                     // grants of or to what is not in the file
	expanded []grant
}

type edge struct {
	to string
	expansion
}

func newWeb(c contents) *web {
	w := &web{contents: c, holders: map[string]map[ref]held{}, brings: map[string][]edge{}}
	for _, g := range c.grants {
		known, ok := w.of(g.entitlement)
		if _, there := c.resources[g.to]; !ok || !there {
			w.unknown++
			continue
		}
		g.entitlement = known
		switch {
		case c.isAccount(g.to):
			w.hold(known.id, g.to, !g.derived)
		case len(g.expands.by) > 0:
			w.expanded = append(w.expanded, g)
			for _, by := range g.expands.by {
				w.brings[by] = append(w.brings[by], edge{known.id, g.expands})
			}
		default:
			w.groups++
		}
	}
	return w
}

// of is an entitlement as the file lists it, for one that a grant only names.
func (w *web) of(e entitlement) (entitlement, bool) {
	if listed, ok := w.entitlements[e.id]; ok {
		e = listed
	} else if e.id != "" {
		w.entitlements[e.id] = e
	}
	_, ok := w.resources[e.of]
	return e, ok && e.id != "" && !w.isAccount(e.of)
}

// hold notes a holder, and says whether that is news.
func (w *web) hold(entitlement string, who ref, direct bool) bool {
	all := w.holders[entitlement]
	if all == nil {
		all = map[ref]held{}
		w.holders[entitlement] = all
	}
	before, again := all[who]
	all[who] = held{before.direct || direct}
	return !again || direct && !before.direct
}

// expand gives the members of groups what their groups hold, and what that
// brings in turn.
func (w *web) expand() error {
	type step struct {
		entitlement string
		who         ref
	}
	var todo []step
	for id, all := range w.holders {
		if len(w.brings[id]) > 0 {
			for who := range all {
				todo = append(todo, step{id, who})
			}
		}
	}
	for done := 0; len(todo) > 0; done++ {
		if done+len(todo) > mostHolders {
			return gatehouse.Errorf(gatehouse.Invalid, "The groups in the file bring so much to so many that it is not read.")
		}
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, e := range w.brings[s.entitlement] {
			if e.shallow && !w.holders[s.entitlement][s.who].direct || len(e.kinds) > 0 && !slices.Contains(e.kinds, s.who.kind) {
				continue
			}
			if w.hold(e.to, s.who, false) {
				todo = append(todo, step{e.to, s.who})
			}
		}
	}
	return nil
}

// onOne is what an account holds of one resource, by entitlement.
type onOne map[string]held

// grants are all memberships: those that are written in the file, and those that
// groups bring. Several of one account on one resource are one.
func (w *web) grants() ([]gatehouse.Grant, error) {
	if err := w.expand(); err != nil {
		return nil, err
	}
	type place struct{ who, at ref }
	found := map[place]onOne{}
	for id, all := range w.holders {
		for who, h := range all {
			key := place{who, w.entitlements[id].of}
			if found[key] == nil {
				found[key] = onOne{}
			}
			found[key][id] = h
		}
	}
	grants := make([]gatehouse.Grant, 0, len(found))
	for key, all := range found {
		source := gatehouse.GrantByGroup
		for _, h := range all {
			if h.direct {
				source = ""
			}
		}
		grants = append(grants, gatehouse.Grant{
			AccountID: accountID(key.who), ResourceID: resourceID(key.at), Role: w.role(slices.Collect(maps.Keys(all))), Source: source,
		})
	}
	slices.SortFunc(grants, func(a, b gatehouse.Grant) int {
		return cmp.Or(cmp.Compare(a.ResourceID, b.ResourceID), cmp.Compare(a.AccountID, b.AccountID))
	})
	return grants, nil
}

// mostNamed is how many entitlements one role names.
const mostNamed = 20

// role is several entitlements on one resource as one role: its level is the
// highest of theirs, its name is theirs, and Custom has their ids.
func (w *web) role(ids []string) gatehouse.Role {
	slices.SortFunc(ids, func(a, b string) int {
		return cmp.Or(cmp.Compare(levelOf(w.entitlements[b]), levelOf(w.entitlements[a])), cmp.Compare(a, b))
	})
	names := make([]string, 0, mostNamed)
	for _, id := range ids[:min(len(ids), mostNamed)] {
		names = append(names, nameOf(w.entitlements[id]))
	}
	list, _ := json.Marshal(ids[:len(names)]) // texts can always be written
	return gatehouse.Role{Level: levelOf(w.entitlements[ids[0]]), Name: strings.Join(names, ", "), Custom: string(list)}
}

// nameOf is what people call an entitlement: its slug, which is short.
func nameOf(e entitlement) string {
	last := e.id[strings.LastIndexByte(e.id, ':')+1:]
	return strings.ReplaceAll(cmp.Or(e.slug, e.name, last, e.id), ",", " ")
}

// levels orders what entitlements are commonly called. The numbers are GitLab's.
var levels = []struct {
	word  string
	level int
}{
	{"owner", 50},
	{"administrator", 50},
	{"admin", 50},
	{"maintain", 40},
	{"manage", 40},
	{"write", 30},
	{"push", 30},
	{"edit", 30},
	{"developer", 30},
	{"security manager", 25},
	{"reporter", 20},
	{"read", 20},
	{"triage", 20},
	{"planner", 15},
	{"view", 10},
	{"guest", 10},
	{"minimal access", 5},
}

// levelOf is how much an entitlement is, as far as its name tells.
func levelOf(e entitlement) int {
	name := strings.NewReplacer("-", " ", "_", " ").Replace(strings.ToLower(nameOf(e)))
	if n, ok := strings.CutPrefix(name, "level "); ok {
		if level, err := strconv.Atoi(n); err == nil && level > 0 && level <= 100 {
			return level
		}
	}
	for _, l := range levels {
		if strings.Contains(name, l.word) {
			return l.level
		}
	}
	return 10 // member, assigned, and what nobody knows
}

// bringing is how one entitlement comes by a share.
type bringing struct {
	ID      string   `json:"id"`
	By      []string `json:"by"`
	Shallow bool     `json:"shallow,omitempty"`
	Kinds   []string `json:"kinds,omitempty"`
}

// shares are the groups whose members hold something of a resource. What they
// bring is among the grants; a share says from where.
func (w *web) shares() []gatehouse.Share {
	type place struct{ group, at ref }
	found := map[place][]bringing{}
	for _, g := range w.expanded {
		key := place{g.to, g.entitlement.of}
		found[key] = append(found[key], bringing{g.entitlement.id, g.expands.by, g.expands.shallow, g.expands.kinds})
	}
	shares := make([]gatehouse.Share, 0, len(found))
	for key, all := range found {
		slices.SortFunc(all, func(a, b bringing) int { return cmp.Compare(a.ID, b.ID) })
		ids := make([]string, len(all))
		for i, b := range all {
			ids[i] = b.ID
		}
		limit := w.role(ids)
		list, _ := json.Marshal(all[:min(len(all), mostNamed)])
		limit.Custom = string(list)
		shares = append(shares, gatehouse.Share{GroupID: resourceID(key.group), ResourceID: resourceID(key.at), Cap: limit})
	}
	slices.SortFunc(shares, func(a, b gatehouse.Share) int {
		return cmp.Or(cmp.Compare(a.ResourceID, b.ResourceID), cmp.Compare(a.GroupID, b.GroupID))
	})
	return shares
}

// notes tell what of the file says nothing here.
func (w *web) notes() (notes []gatehouse.Note) {
	if w.unknown > 0 {
		notes = append(notes, gatehouse.Notef("%d grants in the file are of or to something that is not in it; they were left out", w.unknown))
	}
	if w.groups > 0 {
		notes = append(notes, gatehouse.Notef("%d grants in the file are to groups, roles or apps and bring their members nothing; they were left out", w.groups))
	}
	return notes
}
