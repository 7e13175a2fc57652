// Package lists knows whose addresses may make an account: an allow-list, a
// deny-list, addresses with a suffix such as alice+2@example.com, and the domains
// of services that give addresses away for minutes. It looks at texts only.
package lists

import (
	"slices"
	"strings"

	"golang.org/x/net/idna"

	"gatehouse"
)

// Bounds of a list that people write.
const (
	MaxEntries = 5000 // of one list
	maxEntry   = 320
)

// Pattern is an entry of an allow-list or deny-list.
type Pattern struct {
	address string   // a whole address, or ""
	labels  []string // of a domain; "*" stands for a whole label
}

// Parse reads an entry as gatehouse.SignUp describes it. What is none is
// gatehouse.Invalid.
func Parse(entry string) (Pattern, error) {
	s := strings.ToLower(strings.TrimSpace(entry))
	local, domain, at := strings.Cut(s, "@")
	if !at {
		local, domain = "", s
	}
	if local == "*" {
		local = ""
	}
	labels, ok := domainLabels(domain)
	switch {
	case len(s) > maxEntry || !ok:
		return Pattern{}, badEntry(entry)
	case local == "":
		return Pattern{labels: labels}, nil
	case slices.Contains(labels, "*") || strings.ContainsFunc(local, notInLocal):
		return Pattern{}, badEntry(entry)
	}
	return Pattern{address: local + "@" + strings.Join(labels, ".")}, nil
}

func badEntry(entry string) error {
	if len(entry) > 80 {
		entry = strings.ToValidUTF8(entry[:80], "") + "…"
	}
	return gatehouse.Errorf(gatehouse.Invalid, "%q is neither an address nor a domain. Write alice@example.com, example.com or *.example.com; * stands for a whole part between dots.", entry)
}

func notInLocal(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune(`"(),:;<>[\]@*`, r)
}

// domainLabels are the labels of a domain in its ASCII form. At least one stands
// for itself, so that no entry means everybody.
func domainLabels(domain string) ([]string, bool) {
	labels := strings.Split(strings.TrimSuffix(domain, "."), ".")
	if len(labels) < 2 {
		return nil, false
	}
	own := false
	for i, l := range labels {
		if l == "*" {
			continue
		}
		ascii, ok := asciiLabel(l)
		if !ok {
			return nil, false
		}
		labels[i], own = ascii, true
	}
	return labels, own
}

func asciiLabel(l string) (string, bool) {
	if !strings.ContainsFunc(l, func(r rune) bool { return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') }) {
		return l, l != "" && len(l) <= 63 && l[0] != '-' && l[len(l)-1] != '-'
	}
	ascii, err := idna.Lookup.ToASCII(l)
	return ascii, err == nil && ascii != "" && !strings.ContainsAny(ascii, "*@ .")
}

// String is the entry in its one form.
func (p Pattern) String() string {
	if p.address != "" {
		return p.address
	}
	return strings.Join(p.labels, ".")
}

// Matches says whether an address, lower case and with its domain in ASCII, is meant.
func (p Pattern) Matches(address string) bool {
	if p.address != "" {
		return p.address == address
	}
	_, domain, ok := strings.Cut(address, "@")
	if !ok {
		return false
	}
	labels := strings.Split(domain, ".")
	wanted := p.labels
	if len(wanted) > 0 && wanted[0] == "*" && len(labels) > len(wanted) {
		labels = labels[len(labels)-len(wanted):] // the first * stands for all that is before
	}
	return len(labels) == len(wanted) && slices.EqualFunc(wanted, labels, func(w, l string) bool { return w == "*" || w == l })
}

// Tidy gives the entries in their one form, sorted, each once. Empty ones are
// left out; the first that is none, or too many, is gatehouse.Invalid.
func Tidy(entries []string) ([]string, error) {
	var all []string
	for _, e := range entries {
		if strings.TrimSpace(e) == "" {
			continue
		}
		p, err := Parse(e)
		if err != nil {
			return nil, err
		}
		all = append(all, p.String())
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) > MaxEntries {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "A list has at most %d entries, and this one has %d. Use domains with * in place of single ones.", MaxEntries, len(all))
	}
	return all, nil
}

// Verdict says why an address may not make an account.
type Verdict string

// The verdicts.
const (
	Allowed    Verdict = ""
	NoAddress  Verdict = "sign_up_no_address" // there is an allow-list, and nothing to look up in it
	NotAllowed Verdict = "sign_up_allow"      // not on the allow-list
	Unverified Verdict = "sign_up_unverified" // on the allow-list, but anybody may have written it
	Denied     Verdict = "sign_up_deny"
	Subaddress Verdict = "sign_up_subaddress"
	Throwaway  Verdict = "sign_up_disposable"
)

// Judge says whether an address, in the form that Matches wants, may make an
// account. verified says that somebody saw that it is theirs: an allow-list
// opens only for such an address, since anybody can write one.
//
// The very address on the allow-list wins over everything, a domain there over
// the deny-list and the throw-away domains.
func Judge(s gatehouse.SignUp, d *Disposable, address string, verified bool) Verdict {
	exact, listed := find(s.Allow, address)
	switch {
	case address == "" && len(s.Allow) > 0:
		return NoAddress
	case address == "":
		return Allowed
	case listed && !verified:
		return Unverified
	case exact:
		return Allowed
	case s.BlockSubaddresses && HasSuffix(address):
		return Subaddress
	case listed:
		return Allowed
	case len(s.Allow) > 0:
		return NotAllowed
	}
	if _, denied := find(s.Deny, address); denied {
		return Denied
	}
	if s.BlockDisposable && d.Has(address) {
		return Throwaway
	}
	return Allowed
}

// find says whether a list has an address, and whether by the address itself.
// Entries that are none match nothing.
func find(entries []string, address string) (exact, listed bool) {
	for _, e := range entries {
		p, err := Parse(e)
		if err != nil || !p.Matches(address) {
			continue
		}
		if p.address != "" {
			return true, true
		}
		listed = true
	}
	return false, listed
}

// HasSuffix says whether an address is a variant of another one: it has +, = or #
// before the @.
func HasSuffix(address string) bool {
	local, _, _ := strings.Cut(address, "@")
	return strings.ContainsAny(local, "+=#")
}
