package users

import (
	"cmp"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/lists"
)

// question is everything that a decision depends on: decide looks at nothing else.
type question struct {
	connection gatehouse.Connection
	vouched    gatehouse.Vouched // made clean
	admins     []string          // in the form of cleanEmail
	signUp     gatehouse.SignUp  // whose addresses may make an account
	disposable *lists.Disposable // domains of throw-away addresses
	asked      bool              // the person asks for an account

	known   *match              // the identity with this very subject
	old     *match              // an identity that was made with an older id of the person as its subject
	holders []candidate         // the users with the vouched address
	linking *candidate          // the signed-in user who connects the identity
	denied  *gatehouse.Approval // why the owner of the identity is blocked: a request of theirs was denied
}

// match is an identity and whose it is.
type match struct {
	identity gatehouse.Identity
	user     gatehouse.User
}

// candidate is a user to whom the identity might be added.
type candidate struct {
	user     gatehouse.User
	here     bool // has another identity of the same connection already
	verified bool // the vouched address is verified by us for them; of holders only
}

// act is what is to be written.
type act int

const (
	nothing act = iota
	use         // the identity signs in
	renew       // the same, and it has the new subject from now on
	link        // the identity is added to the user
	create      // a user is made, with the identity
)

// verdict is a decision and what follows from it.
type verdict struct {
	gatehouse.Decision
	act      act
	identity gatehouse.Identity // for use and renew
	user     gatehouse.User     // who was found; empty for create
	state    gatehouse.UserState
	admin    bool // the user has the role super_administrator from now on
}

// decide applies the rules. Known identities come before everything; an address
// finds an account only by the one linking rule (byAddress); a new account is
// the last resort.
func decide(q question) verdict {
	switch c := q.connection; {
	case !c.Enabled:
		return q.refuse(gatehouse.Decision{
			Rule:   "connection_disabled",
			Reason: "Signing in with %s has been disabled. Use another way to sign in, or ask an administrator.",
		}, gatehouse.User{})
	case q.linking != nil:
		return q.connect(*q.linking)
	case c.Rules.LinkOnly:
		return q.refuse(gatehouse.Decision{
			Rule:   "link_only",
			Reason: "%s can be connected to an account, but not be used to sign in. Sign in another way first, and then connect it on your own page.",
		}, gatehouse.User{})
	case q.known != nil:
		return q.enter(use, "identity", *q.known)
	case q.old != nil:
		return q.enter(renew, "alias", *q.old)
	}
	for _, h := range q.holders {
		if h.verified {
			return q.byAddress(h)
		}
	}
	return q.newcomer()
}

// enter lets the owner of an identity in, if their account may.
func (q question) enter(a act, rule string, m match) verdict {
	v := q.admit(a, m.user, gatehouse.Decision{
		Outcome: gatehouse.OutcomeSignedIn, Rule: rule,
		Reason: "This %s account is known, and belongs to this user.",
	})
	v.identity = m.identity
	return v
}

// admit says yes with the decision d, unless the state of the account forbids it.
func (q question) admit(a act, user gatehouse.User, d gatehouse.Decision) verdict {
	if v, no := q.shutOut(user); no {
		return v
	}
	admin := q.administers(user)
	switch {
	case user.State == gatehouse.UserActive:
	case admin:
		d.Rule = "admins"
		d.Reason = "This %s account has a verified address of an administrator, whose account needs no approval."
	default:
		d = waits()
	}
	v := q.verdict(a, user, d)
	v.admin = admin
	if admin {
		v.state = gatehouse.UserActive
	}
	return v
}

func waits() gatehouse.Decision {
	return gatehouse.Decision{
		Outcome: gatehouse.OutcomePending, Rule: "block_auto_created_users",
		Reason: "You have signed in with %s, but your account still waits for the approval of an administrator. You will get in once it is approved.",
	}
}

// shutOut refuses users who may not come in however they prove who they are.
func (q question) shutOut(user gatehouse.User) (verdict, bool) {
	switch user.State {
	case gatehouse.UserActive, gatehouse.UserPending:
		return verdict{}, false
	case gatehouse.UserLeft:
		return q.refuse(gatehouse.Decision{
			Rule:   "left",
			Reason: "The account that belongs to this %s account was closed because its owner has left. Ask an administrator if that is a mistake.",
		}, user), true
	case gatehouse.UserBlocked, gatehouse.UserMerged: // who was merged has no identity, and can only have been connecting one
	}
	if q.denied != nil && q.denied.UserID == user.ID {
		return q.turnedAway(user), true
	}
	return q.refuse(gatehouse.Decision{
		Rule:   "blocked",
		Reason: "The account that belongs to this %s account has been blocked. Ask an administrator if that is a mistake.",
	}, user), true
}

// connect adds an identity to the account of the person who is signed in and
// wants that.
func (q question) connect(l candidate) verdict {
	if v, no := q.shutOut(l.user); no {
		return v
	}
	linked := gatehouse.Decision{
		Outcome: gatehouse.OutcomeLinked, Rule: "link",
		Reason: "The signed-in user connected this %s account.",
	}
	taken, a := q.known, use
	if taken == nil {
		taken, a = q.old, renew
	}
	switch {
	case taken != nil && taken.user.ID == l.user.ID:
		v := q.verdict(a, l.user, linked)
		v.identity = taken.identity
		return v
	case taken != nil:
		return q.refuse(gatehouse.Decision{
			Rule:   "identity_taken",
			Reason: "This %s account is connected to another account here. Sign in with it and disconnect it there first, or ask an administrator.",
		}, l.user)
	case l.here:
		return q.refuse(gatehouse.Decision{
			Rule:   "identity_second",
			Reason: "Another %s account is connected to your account already. Disconnect that one first.",
		}, l.user)
	}
	return q.verdict(link, l.user, linked)
}

// byAddress is the one linking rule. The address is verified by us for the
// holder. It leads to the holder's account only if the connection may link by
// address, everywhere or for that domain, and the provider does not say that
// the address is unverified. Otherwise the person proves the other account first.
func (q question) byAddress(h candidate) verdict {
	rules := q.connection.Rules
	trusted := trustedDomain(rules.TrustedDomains, q.vouched.Profile.Email)
	switch {
	case q.vouched.Profile.Verified == gatehouse.Unverified:
		return q.refuse(gatehouse.Decision{
			Rule:   "address_unverified",
			Reason: "There is an account with your address already, and %s says that the address is not verified. Verify it there and try again, or sign in to that account another way and connect it on your own page.",
		}, gatehouse.User{})
	case !rules.AutoLinkUser && !trusted:
		return q.refuse(gatehouse.Decision{
			Rule:   "address_taken",
			Reason: "There is an account with your address already, and %s may not open it by the address alone. Sign in to that account another way and connect it on your own page, or ask an administrator.",
		}, gatehouse.User{})
	case h.here:
		return q.refuse(gatehouse.Decision{
			Rule:   "identity_differs",
			Reason: "The account with your address is connected to another %s account. Sign in with that one, or ask an administrator.",
		}, gatehouse.User{})
	}
	rule := "auto_link_user"
	if !rules.AutoLinkUser {
		rule = "trusted_domains"
	}
	return q.admit(link, h.user, gatehouse.Decision{
		Outcome: gatehouse.OutcomeLinked, Rule: rule,
		Reason: "This %s account has the verified address of this user, and may be linked by it.",
	})
}

// vouchedFor says whether the vouched address counts as verified here: the
// provider says so itself, and its word is trusted for the address. It is for
// all addresses where it may link by them, for the trusted domains, and for the
// administrators' addresses if the configuration file names both.
func (q question) vouchedFor() bool {
	p, c := q.vouched.Profile, q.connection
	if p.Email == "" || p.Verified != gatehouse.Verified {
		return false
	}
	return c.Rules.AutoLinkUser || trustedDomain(c.Rules.TrustedDomains, p.Email) ||
		c.Managed == gatehouse.ManagedByFile && slices.Contains(q.admins, p.Email)
}

// free says whether nobody but this user holds the vouched address as verified.
func (q question) free(userID string) bool {
	return !slices.ContainsFunc(q.holders, func(h candidate) bool {
		return h.verified && h.user.ID != userID
	})
}

// administers says whether a verified address of the user is one of the
// administrators'.
func (q question) administers(user gatehouse.User) bool {
	if user.EmailVerified && slices.Contains(q.admins, strings.ToLower(user.Email)) {
		return true
	}
	return q.vouchedFor() && q.free(user.ID) && slices.Contains(q.admins, q.vouched.Profile.Email)
}

// trustedDomain compares whole domains: example.com does not trust sub.example.com.
func trustedDomain(domains []string, address string) bool {
	_, domain, ok := strings.Cut(address, "@")
	return ok && slices.ContainsFunc(domains, func(d string) bool {
		return strings.EqualFold(strings.TrimPrefix(strings.TrimSpace(d), "@"), domain)
	})
}

func (q question) refuse(d gatehouse.Decision, user gatehouse.User) verdict {
	d.Outcome = gatehouse.OutcomeRefused
	return q.verdict(nothing, user, d)
}

func (q question) verdict(a act, user gatehouse.User, d gatehouse.Decision) verdict {
	d.ConnectionID, d.Subject, d.UserID = q.connection.ID, q.vouched.Subject, user.ID
	d.Args = append([]string{cmp.Or(q.connection.Label, q.connection.Name)}, d.Args...)
	d.Facts = q.facts()
	return verdict{Decision: d, act: a, user: user, state: user.State}
}
