package users

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/lists"
	"gatehouse/internal/store"
)

// signUpSetting is where the dashboard's half of gatehouse.SignUp is kept.
const signUpSetting = "sign_up"

// The parts of gatehouse.SignUp, as the configuration file calls them.
const (
	SignUpAllow        = "allow"
	SignUpDeny         = "deny"
	SignUpSubaddresses = "block_subaddresses"
	SignUpDisposable   = "block_disposable"
)

// FileSignUp is what the configuration file says of gatehouse.SignUp.
type FileSignUp struct {
	gatehouse.SignUp
	Named []string // the parts that the file names; the rest is the dashboard's
}

// Names says whether a part is the file's.
func (f FileSignUp) Names(part string) bool { return slices.Contains(f.Named, part) }

// over puts what the file names in place of what the dashboard says.
func (f FileSignUp) over(s gatehouse.SignUp) gatehouse.SignUp {
	if f.Names(SignUpAllow) {
		s.Allow = f.Allow
	}
	if f.Names(SignUpDeny) {
		s.Deny = f.Deny
	}
	if f.Names(SignUpSubaddresses) {
		s.BlockSubaddresses = f.BlockSubaddresses
	}
	if f.Names(SignUpDisposable) {
		s.BlockDisposable = f.BlockDisposable
	}
	return s
}

// SignUp is whose addresses may make an account now: what the file names, and
// the dashboard's for the rest.
func (u *Users) SignUp(tx *store.Tx) (gatehouse.SignUp, error) {
	s, err := dashboardSignUp(tx)
	return u.FileSignUp.over(s), err
}

func dashboardSignUp(tx *store.Tx) (s gatehouse.SignUp, err error) {
	text, err := tx.Setting(signUpSetting)
	if err == nil && text != "" {
		err = json.Unmarshal([]byte(text), &s)
	}
	if err != nil {
		return s, fmt.Errorf("read the rules of addresses: %w", err)
	}
	return s, nil
}

// SignUpTag names a state of the rules, so that who changes them can say which
// one they saw.
func SignUpTag(s gatehouse.SignUp) string {
	text, _ := json.Marshal(s) // lists and flags: never fails
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// SetSignUp writes the dashboard's half; what the file names stays the file's,
// and what the dashboard said of it before is kept for the day when the file
// names it no more. An entry of a list that is none is Invalid. seen is the
// SignUpTag of the rules that the change was made to: when others hold by now,
// nothing is written and the error is a Conflict; "" = whatever holds. It returns
// what holds now.
func (u *Users) SetSignUp(tx *store.Tx, by gatehouse.Actor, wanted gatehouse.SignUp, seen string) (gatehouse.SignUp, error) {
	own, err := dashboardSignUp(tx)
	if err != nil {
		return own, err
	}
	before := u.FileSignUp.over(own)
	if seen != "" && seen != SignUpTag(before) {
		return before, gatehouse.Errorf(gatehouse.Conflict, "The rules were changed by somebody else in the meantime, so yours were not saved. Look at what holds now, and save again if yours are still right.")
	}
	for _, list := range []*[]string{&wanted.Allow, &wanted.Deny} {
		if *list, err = lists.Tidy(*list); err != nil {
			return before, err
		}
	}
	after := u.FileSignUp.over(wanted)
	changed := signUpChanges(before, after)
	if len(changed) == 0 {
		return before, nil
	}
	text, err := json.Marshal(FileSignUp{own, u.FileSignUp.Named}.over(wanted))
	if err != nil {
		return before, fmt.Errorf("write the rules of addresses: %w", err)
	}
	if err := tx.SetSetting(signUpSetting, string(text)); err != nil {
		return before, fmt.Errorf("write the rules of addresses: %w", err)
	}
	if err := tx.Record(gatehouse.Event{Actor: by, Action: "sign_up.changed", Target: "setting/" + signUpSetting, Details: changed}); err != nil {
		return before, fmt.Errorf("record sign_up.changed: %w", err)
	}
	return after, nil
}

// signUpChanges are the parts that differ, with as much as the audit log needs.
func signUpChanges(before, after gatehouse.SignUp) map[string]string {
	d := map[string]string{}
	for part, l := range map[string][2][]string{SignUpAllow: {before.Allow, after.Allow}, SignUpDeny: {before.Deny, after.Deny}} {
		if added := without(l[1], l[0]); added != "" {
			d[part+"_added"] = added
		}
		if removed := without(l[0], l[1]); removed != "" {
			d[part+"_removed"] = removed
		}
	}
	if before.BlockSubaddresses != after.BlockSubaddresses {
		d[SignUpSubaddresses] = yes(after.BlockSubaddresses)
	}
	if before.BlockDisposable != after.BlockDisposable {
		d[SignUpDisposable] = yes(after.BlockDisposable)
	}
	return d
}

// without lists what is in one list and not in another, cut to a line's length.
func without(list, other []string) string {
	var some []string
	for _, e := range list {
		if !slices.Contains(other, e) {
			some = append(some, e)
		}
	}
	text := strings.Join(some, ", ")
	if len(text) > 1000 {
		text = fmt.Sprintf("%s … (%d)", text[:1000], len(some))
	}
	return text
}

// MayHaveAddress says whether the rules of addresses let a person add an address:
// nil, or an error of kind Forbidden with the reason. The address counts as one
// that is verified before it is used for anything.
func (u *Users) MayHaveAddress(tx *store.Tx, address string) error {
	address = cleanEmail(address)
	if address == "" {
		return gatehouse.Errorf(gatehouse.Invalid, "That is no e-mail address. Check it, and enter it again.")
	}
	s, err := u.SignUp(tx)
	if err != nil {
		return err
	}
	switch lists.Judge(s, u.Disposable, address, true) {
	case lists.Allowed:
		return nil
	case lists.Subaddress:
		return gatehouse.Errorf(gatehouse.Forbidden, "Addresses with a +, = or # before the @ may not be used here. Enter your plain address.")
	case lists.Throwaway:
		return gatehouse.Errorf(gatehouse.Forbidden, "Throw-away addresses may not be used here. Enter a lasting address.")
	case lists.NotAllowed, lists.NoAddress, lists.Unverified:
		return gatehouse.Errorf(gatehouse.Forbidden, "Only addresses that an administrator has listed may be used here. Enter another one, or ask an administrator.")
	case lists.Denied:
	}
	return gatehouse.Errorf(gatehouse.Forbidden, "This address may not be used here. Enter another one, or ask an administrator.")
}
