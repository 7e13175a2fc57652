package users

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/lists"
)

// situation is all that a decision can depend on, in plain words.
type situation struct {
	newPeople  string // the connection's choice
	disabled   bool
	file       bool // the connection is of the configuration file
	autoLink   bool
	trusts     string // "nobody", "this domain", "another domain"
	address    string // "none", "usual", "administrator's"
	said       string // "verified", "unverified", "nothing"
	somebody   string // who is there: see somebodies
	state      string // of that account
	alsoHere   bool   // that account has another identity of the connection
	connecting bool   // somebody is signed in and connects the identity
	asks       bool
	listed     string // "no lists", "allowed", "not allowed", "denied"
}

// The accounts that may be there.
const (
	nobodyThere  = "nobody"
	ownerThere   = "owner of the identity"
	olderThere   = "owner of an identity made with an older id"
	holderThere  = "holder of the verified address"
	claimsThere  = "somebody who only claims the address"
	ownerElse    = "owner of the identity, and another holder of the address"
	verifiedWord = "verified"
)

// String is for failures.
func (s situation) String() string {
	type bare situation // without this method
	return fmt.Sprintf("%+v", bare(s))
}

func (s situation) mail() string {
	return map[string]string{"none": "", "usual": aliceMail, "administrator's": bossMail}[s.address]
}

// rule is the plain rule, written without a look at decide: what comes out.
func (s situation) rule() gatehouse.Outcome {
	switch {
	case s.disabled:
		return gatehouse.OutcomeRefused
	case s.connecting:
		return s.ruleOfConnecting()
	case s.newPeople == "link_only":
		return gatehouse.OutcomeRefused // nobody signs in by it
	}
	// Whose identity it is, is whose account it is, whatever the address says.
	if s.somebody == ownerThere || s.somebody == olderThere || s.somebody == ownerElse {
		return s.ruleOfState(gatehouse.OutcomeSignedIn)
	}
	// The one linking rule.
	if s.somebody == holderThere && s.address != "none" {
		trusted := s.autoLink || s.trusts == "this domain"
		if !trusted || s.said == "unverified" || s.alsoHere {
			return gatehouse.OutcomeRefused
		}
		return s.ruleOfState(gatehouse.OutcomeLinked)
	}
	return s.ruleOfNewcomer()
}

func (s situation) ruleOfState(yes gatehouse.Outcome) gatehouse.Outcome {
	switch {
	case s.state == "blocked", s.state == "left":
		return gatehouse.OutcomeRefused
	case s.state == "pending" && !s.administers():
		return gatehouse.OutcomePending
	}
	return yes
}

// administers: the address is one of the administrators', the account holds it
// as verified or the provider says that it is and may be believed, and nobody
// else holds it.
func (s situation) administers() bool {
	if s.address != "administrator's" || s.somebody == ownerElse {
		return false
	}
	if s.somebody == holderThere && !s.connecting {
		return true
	}
	return s.said == verifiedWord && (s.autoLink || s.trusts == "this domain" || s.file)
}

func (s situation) ruleOfConnecting() gatehouse.Outcome {
	switch {
	case s.state == "blocked", s.state == "left":
		return gatehouse.OutcomeRefused
	case s.somebody == ownerThere, s.somebody == olderThere, s.somebody == ownerElse: // somebody else's identity
		return gatehouse.OutcomeRefused
	case s.alsoHere: // one of each connection
		return gatehouse.OutcomeRefused
	}
	return gatehouse.OutcomeLinked
}

func (s situation) ruleOfNewcomer() gatehouse.Outcome {
	if s.newPeople == "off" {
		return gatehouse.OutcomeRefused
	}
	if !s.administers() {
		switch {
		case s.listed == "denied" && s.address != "none", s.listed == "not allowed":
			return gatehouse.OutcomeRefused
		case s.listed == "allowed" && (s.address == "none" || s.said != verifiedWord):
			return gatehouse.OutcomeRefused
		}
	}
	if s.newPeople == "request_access" && !s.asks {
		return gatehouse.OutcomeRefused
	}
	if s.newPeople == "create" || s.administers() {
		return gatehouse.OutcomeCreated
	}
	return gatehouse.OutcomePending
}

// question is the situation as decide is asked.
func (s situation) question() question {
	var rules gatehouse.ConnectionRules
	rules.SetNewPeople(gatehouse.NewPeople(s.newPeople))
	rules.AutoLinkUser = s.autoLink
	rules.TrustedDomains = map[string][]string{"this domain": {"example.com"}, "another domain": {"other.example"}}[s.trusts]
	c := connection(rules)
	c.Enabled = !s.disabled
	if s.file {
		c.Managed = gatehouse.ManagedByFile
	}
	q := question{
		connection: c, admins: []string{bossMail}, asked: s.asks,
		vouched: vouched(s.mail(), gatehouse.Verification(strings.TrimPrefix(s.said, "nothing"))),
		signUp: map[string]gatehouse.SignUp{
			"allowed": {Allow: []string{"example.com"}}, "not allowed": {Allow: []string{"other.example"}}, "denied": {Deny: []string{"example.com"}},
		}[s.listed],
	}
	account := gatehouse.User{ID: "there", State: gatehouse.UserState(s.state)}
	at := &match{gatehouse.Identity{ID: "i1", Subject: "s1"}, account}
	switch s.somebody {
	case ownerThere, ownerElse:
		q.known = at
	case olderThere:
		q.old = at
	case holderThere:
		account.Email, account.EmailVerified = s.mail(), true
		q.holders = []candidate{{user: account, here: s.alsoHere, verified: true}}
	case claimsThere:
		account.Email = s.mail()
		q.holders = []candidate{{user: account, here: s.alsoHere}}
	}
	if s.somebody == ownerElse {
		q.holders = []candidate{{user: gatehouse.User{ID: "else", Email: s.mail(), EmailVerified: true, State: "active"}, verified: true}}
	}
	if s.address == "none" {
		q.holders = nil
	}
	if s.connecting {
		q.linking = &candidate{user: gatehouse.User{ID: "linker", State: gatehouse.UserState(s.state)}, here: s.alsoHere}
	}
	return q
}

// situations are all there are.
func situations(each func(situation)) {
	bools := []bool{false, true}
	for _, newPeople := range []string{"off", "link_only", "request_access", "create_pending", "create"} {
		for _, flags := range product(bools, 4) {
			for _, trusts := range []string{"nobody", "this domain", "another domain"} {
				for _, address := range []string{"none", "usual", "administrator's"} {
					for _, said := range []string{verifiedWord, "unverified", "nothing"} {
						for _, listed := range []string{"no lists", "allowed", "not allowed", "denied"} {
							people(func(somebody, state string, here, connecting bool) {
								each(situation{
									newPeople, flags[0], flags[1], flags[2], trusts, address, said,
									somebody, state, here, connecting, flags[3], listed,
								})
							})
						}
					}
				}
			}
		}
	}
}

func people(each func(somebody, state string, here, connecting bool)) {
	states := []string{"active", "pending", "blocked", "left"}
	for _, connecting := range []bool{false, true} {
		for _, somebody := range []string{nobodyThere, ownerThere, olderThere, holderThere, claimsThere, ownerElse} {
			for _, state := range states {
				for _, here := range []bool{false, true} {
					each(somebody, state, here, connecting)
				}
			}
		}
	}
}

func product(of []bool, n int) [][]bool {
	if n == 0 {
		return [][]bool{nil}
	}
	var all [][]bool
	for _, rest := range product(of, n-1) {
		for _, b := range of {
			all = append(all, append([]bool{b}, rest...))
		}
	}
	return all
}

// TestDecideEveryCombination holds decide against the plain rule, in every
// combination of rule, candidate and verification there is.
func TestDecideEveryCombination(t *testing.T) {
	t.Parallel()
	n, wrong := 0, 0
	seen := map[string]int{}
	situations(func(s situation) {
		n++
		q := s.question()
		v := decide(q)
		if want := s.rule(); v.Outcome != want && wrong < 10 {
			wrong++
			t.Errorf("%v: %s by %s, want %s", s, v.Outcome, v.Rule, want)
		}
		if problem := always(s, q, v); problem != "" && wrong < 10 {
			wrong++
			t.Errorf("%v: %s: %+v", s, problem, v.Decision)
		}
		seen[v.Rule]++
	})
	if n < 400_000 || len(seen) < 15 {
		t.Errorf("only %d combinations, and the rules %v", n, seen)
	}
}

// always is what holds whatever the rules are; "" when it does.
func always(s situation, q question, v verdict) string {
	linkedByAddress := v.act == link && !s.connecting
	switch {
	case linkedByAddress && s.somebody != holderThere:
		return "an address that is not verified linked"
	case linkedByAddress && s.said == "unverified":
		return "an address that the provider calls unverified linked"
	case v.act != nothing && v.act != create && v.user.ID == "":
		return "something is written for nobody"
	case v.act == create && v.user.ID != "":
		return "an account is made for somebody who has one"
	case (v.act == nothing) != (v.Outcome == gatehouse.OutcomeRefused):
		return "a refusal writes, or a yes does not"
	case v.Rule == "" || v.Reason == "" || strings.Count(v.Reason, "%s") != len(v.Args):
		return "the decision does not say why"
	case v.admin && !strings.HasPrefix(s.address, "admin"):
		return "somebody administers without an administrator's address"
	}
	connect, ask := Open(v.Decision)
	if (connect || ask) && (v.Outcome != gatehouse.OutcomeRefused && v.Rule != "request_access") {
		return "somebody who is in may still ask"
	}
	if connect && q.linking == nil && v.Outcome == gatehouse.OutcomeRefused && (q.known != nil || q.old != nil) {
		return "an identity that is somebody's is offered to be connected"
	}
	return ""
}

func TestBarredSaysSomethingForEveryVerdict(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, v := range []lists.Verdict{lists.NoAddress, lists.NotAllowed, lists.Unverified, lists.Denied, lists.Subaddress, lists.Throwaway} {
		text := barred(v).Reason
		if seen[text] || strings.Count(text, "%s") != 1 {
			t.Errorf("%s: %q", v, text)
		}
		seen[text] = true
		if connect, ask := Open(gatehouse.Decision{Rule: string(v), Outcome: gatehouse.OutcomeRefused}); !connect || ask {
			t.Errorf("%s leaves connect %t, ask %t", v, connect, ask)
		}
	}
}
