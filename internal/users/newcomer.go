package users

import (
	"gatehouse"
	"gatehouse/internal/lists"
)

// newcomer decides about somebody whom nothing here belongs to: the connection's
// choice for new people, and the lists of addresses, which do not hold for
// addresses of administrators.
func (q question) newcomer() verdict {
	rules, admin := q.connection.Rules, q.administers(gatehouse.User{})
	if !rules.AllowSingleSignOn && !rules.RequestAccess {
		return q.refuse(gatehouse.Decision{
			Rule:   "allow_single_sign_on",
			Reason: "There is no account here yet that belongs to this %s account, and signing in with it may not make one. If you have an account here, sign in to it another way and connect this one on your own page; otherwise ask an administrator.",
		}, gatehouse.User{})
	}
	if no := q.judge(); no != lists.Allowed && !admin {
		return q.refuse(barred(no), gatehouse.User{})
	}
	if !rules.AllowSingleSignOn && !q.asked {
		return q.refuse(gatehouse.Decision{
			Rule:   "request_access",
			Reason: "There is no account here yet that belongs to this %s account. You may ask for one, or, if you have an account here, sign in to it another way and connect this one.",
		}, gatehouse.User{})
	}
	return q.make(admin)
}

// make makes the account of a newcomer who may have one.
func (q question) make(admin bool) verdict {
	rules := q.connection.Rules
	d, state := gatehouse.Decision{
		Outcome: gatehouse.OutcomeCreated, Rule: "allow_single_sign_on",
		Reason: "Nobody here had this %s account, and a new account may be made by signing in with it.",
	}, gatehouse.UserActive
	switch {
	case rules.AllowSingleSignOn && !rules.BlockAutoCreatedUsers:
	case admin:
		d.Rule = "admins"
		d.Reason = "This %s account has a verified address of an administrator, whose account needs no approval."
	case rules.AllowSingleSignOn:
		d, state = waits(), gatehouse.UserPending
	default:
		d, state = gatehouse.Decision{
			Outcome: gatehouse.OutcomePending, Rule: "request_access",
			Reason: "You have signed in with %s and asked for an account. You will get in once an administrator has approved it.",
		}, gatehouse.UserPending
	}
	v := q.verdict(create, gatehouse.User{}, d)
	v.state, v.admin = state, admin
	return v
}

// judge asks the lists. An address counts as verified there if the provider says
// so itself.
func (q question) judge() lists.Verdict {
	p := q.vouched.Profile
	return lists.Judge(q.signUp, q.disposable, p.Email, p.Verified == gatehouse.Verified)
}

// barred is the refusal of a newcomer whose address may not make an account.
func barred(no lists.Verdict) gatehouse.Decision {
	switch no {
	case lists.NoAddress:
		return gatehouse.Decision{Rule: string(no), Reason: "New accounts are made only for addresses that an administrator has listed, and %s did not give an address of yours. Add one there and try again, or ask an administrator."}
	case lists.NotAllowed:
		return gatehouse.Decision{Rule: string(no), Reason: "New accounts are made only for addresses that an administrator has listed, and the one that %s gave is not among them. Use another address there, or ask an administrator."}
	case lists.Unverified:
		return gatehouse.Decision{Rule: string(no), Reason: "New accounts are made only for verified addresses, and %s does not say that yours is verified. Verify it there and try again, or ask an administrator."}
	case lists.Subaddress:
		return gatehouse.Decision{Rule: string(no), Reason: "The address that %s gave has a +, = or # before the @, and new accounts are not made for such addresses. Use your plain address there, or ask an administrator."}
	case lists.Throwaway:
		return gatehouse.Decision{Rule: string(no), Reason: "The address that %s gave belongs to a service for throw-away addresses, and new accounts are not made for those. Use a lasting address there, or ask an administrator."}
	case lists.Denied, lists.Allowed:
	}
	return gatehouse.Decision{Rule: string(no), Reason: "New accounts are not made for the address that %s gave. Use another address there, or ask an administrator."}
}

// turnedAway refuses somebody whose request for an account was denied.
func (q question) turnedAway(user gatehouse.User) verdict {
	d := gatehouse.Decision{
		Rule:   "denied",
		Reason: "An administrator has denied your request for an account with %s. Ask them if that is a mistake.",
	}
	if q.denied.Reason != "" {
		d.Reason = "An administrator has denied your request for an account with %s, and wrote: %s"
		d.Args = []string{q.denied.Reason}
	}
	return q.refuse(d, user)
}

// Open says what a refused person can still do themselves: connect the identity
// to an account that they prove to be theirs, and ask for an account.
func Open(d gatehouse.Decision) (connect, ask bool) {
	switch d.Rule {
	case "request_access":
		return true, d.Outcome == gatehouse.OutcomeRefused
	case "address_unverified", "address_taken", "allow_single_sign_on",
		string(lists.NoAddress), string(lists.NotAllowed), string(lists.Unverified), string(lists.Denied),
		string(lists.Subaddress), string(lists.Throwaway):
		return d.Outcome == gatehouse.OutcomeRefused, false
	}
	return false, false
}
