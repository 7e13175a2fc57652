package reach

import "gatehouse"

// FindingTitle says in a few words what a kind of findings is.
func FindingTitle(k gatehouse.FindingKind) gatehouse.Note {
	switch k {
	case gatehouse.FindingLeft:
		return gatehouse.Notef("Left, but still has an account")
	case gatehouse.FindingOwnerless:
		return gatehouse.Notef("Group without an owner")
	case gatehouse.FindingSoonOwnerless:
		return gatehouse.Notef("Group soon without an owner")
	case gatehouse.FindingExternalHigh:
		return gatehouse.Notef("External with a high role")
	case gatehouse.FindingUnownedBot:
		return gatehouse.Notef("Bot or token that nobody answers for")
	case gatehouse.FindingDormantOwner:
		return gatehouse.Notef("Owner who is never there")
	case gatehouse.FindingOrphaned:
		return gatehouse.Notef("Account of nobody")
	case gatehouse.FindingExpiringAccess:
		return gatehouse.Notef("Membership that ends soon")
	}
	return gatehouse.Note{Text: string(k)}
}

// FindingAdvice says what to do about a kind of findings.
func FindingAdvice(k gatehouse.FindingKind) gatehouse.Note {
	switch k {
	case gatehouse.FindingLeft:
		return gatehouse.Notef("Block or remove the account in the app, and hand over what it owns.")
	case gatehouse.FindingOwnerless:
		return gatehouse.Notef("Make somebody who works with the group its owner.")
	case gatehouse.FindingSoonOwnerless:
		return gatehouse.Notef("Prolong the membership of the owner, or make somebody else an owner as well.")
	case gatehouse.FindingExternalHigh:
		return gatehouse.Notef("Ask whether the role is needed. Give a lower one, or an end to it.")
	case gatehouse.FindingUnownedBot:
		return gatehouse.Notef("Find out who uses it and note them as its user, or revoke it.")
	case gatehouse.FindingDormantOwner:
		return gatehouse.Notef("Give the role to somebody who is there, or take it back.")
	case gatehouse.FindingOrphaned:
		return gatehouse.Notef("Match the account to its person, or remove it in the app if it has none.")
	case gatehouse.FindingExpiringAccess:
		return gatehouse.Notef("Prolong the membership if it is still needed; otherwise nothing has to be done.")
	}
	return gatehouse.Note{}
}
