package users

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"gatehouse"
)

// facts is what came and what was found, for the administrator who reads the
// decision. Nothing of it is a secret.
func (q question) facts() map[string]string {
	p, rules := q.vouched.Profile, q.connection.Rules
	f := map[string]string{
		"connection":                     q.connection.Name,
		"provider_username":              p.Username,
		"provider_nickname":              p.Nickname,
		"provider_name":                  p.Name,
		"provider_email":                 p.Email,
		"provider_email_verified":        said(p.Verified),
		"provider_other_ids":             strings.Join(slices.Sorted(maps.Keys(q.vouched.Aliases)), ", "),
		"email_counts_as_verified":       yes(q.vouchedFor()),
		"users_with_this_email":          strconv.Itoa(len(q.holders)),
		"rule_allow_single_sign_on":      yes(rules.AllowSingleSignOn),
		"rule_block_auto_created_users":  yes(rules.BlockAutoCreatedUsers),
		"rule_auto_link_user":            yes(rules.AutoLinkUser),
		"rule_trusted_domains":           strings.Join(rules.TrustedDomains, ", "),
		"rule_link_only":                 yes(rules.LinkOnly),
		"identity_known":                 yes(q.known != nil),
		"identity_known_by_its_older_id": yes(q.old != nil),
	}
	for name, value := range q.vouched.Facts {
		f["provider_"+name] = value
	}
	for _, h := range q.holders {
		if h.verified {
			f["verified_holder_of_this_email"] = h.user.Username
		}
	}
	if q.linking != nil {
		f["linking_user"] = q.linking.user.Username
	}
	maps.DeleteFunc(f, func(_, v string) bool { return v == "" })
	return f
}

func said(v gatehouse.Verification) string {
	if v == gatehouse.Unstated {
		return "unstated"
	}
	return string(v)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
