package openid

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/integration/authcode"
)

// maxGroups bounds the groups of one person that are kept.
const maxGroups = 2000

// askMore asks the user-info endpoint, if there is one, and adds what it says to
// the ID token's claims. The ID token is signed, so it wins.
func (d *door) askMore(ctx context.Context, m metadata, told map[string]any, access string) (map[string]any, error) {
	if m.UserInfo == "" {
		return told, nil
	}
	more, err := d.userInfo(ctx, m.UserInfo, access)
	if err != nil {
		return nil, err
	}
	// OpenID Connect Core 5.3.2: another sub is somebody else's answer.
	if more["sub"] != told["sub"] {
		return nil, d.errContradiction().Because(errors.New("sub at the user-info endpoint is not that of the ID token"))
	}
	all := maps.Clone(more)
	maps.Copy(all, told)
	// What is said of an address counts only for the address it was said of.
	email, verified := d.claims["email"], d.claims["email_verified"]
	if a, b := told[email], more[email]; a != nil && told[verified] == nil && !sameAddress(a, b) {
		delete(all, verified)
	}
	if a, b := told[email], more[email]; a == nil && b != nil {
		delete(all, verified)
		if v, ok := more[verified]; ok {
			all[verified] = v
		}
	}
	return all, nil
}

// userInfo reads the endpoint's answer: JSON, or a JWT where the client is
// registered so (OpenID Connect Core 5.3.2).
func (d *door) userInfo(ctx context.Context, address, access string) (map[string]any, error) {
	body, err := d.client.Get(ctx, address, access)
	if err != nil {
		return nil, err
	}
	if body = bytes.TrimSpace(body); !bytes.HasPrefix(body, []byte("eyJ")) {
		fields, err := authcode.Object(body)
		if err != nil {
			err = d.client.Garbled(fmt.Errorf("userinfo_endpoint: %w", err))
		}
		return fields, err
	}
	token, s, err := d.verified(ctx, string(body))
	if err != nil {
		return nil, err
	}
	if err := d.checkAudience(token.Audience, s.AuthorizedParty); err != nil {
		return nil, err
	}
	if !token.Expiry.IsZero() && d.clock.Now().After(token.Expiry.Add(skew)) {
		return nil, d.client.Garbled(errors.New("userinfo_endpoint: the signed answer has expired"))
	}
	return d.claimsOf(token)
}

func sameAddress(a, b any) bool {
	x, y := authcode.Text(a), authcode.Text(b)
	return x != "" && strings.EqualFold(x, y)
}

// claim finds a claim by its name, or else by a path with dots in it
// (realm_access.roles). "" is no claim.
func claim(all map[string]any, name string) any {
	if v, ok := all[name]; ok || name == "" {
		return v
	}
	return authcode.Find(all, strings.Split(name, ".")...)
}

// vouch puts the claims into our words, after asking whether the person may
// come at all.
func (d *door) vouch(all map[string]any) (gatehouse.Vouched, error) {
	subject, ok := authcode.Subject(claim(all, d.uidField))
	if !ok {
		return gatehouse.Vouched{}, d.errSubject(d.uidField)
	}
	p := gatehouse.Profile{Groups: authcode.Texts(claim(all, d.claims["groups"]))}
	for field, to := range authcode.Fields(&p) {
		*to = authcode.Text(claim(all, d.claims[field]))
	}
	p.Locale = strings.ReplaceAll(p.Locale, "_", "-")
	p.Name = cmp.Or(p.Name, strings.TrimSpace(authcode.Text(all["given_name"])+" "+authcode.Text(all["family_name"])))
	if p.Email != "" {
		p.Verified = authcode.Verification(claim(all, d.claims["email_verified"]))
	}
	if d.uidField == d.claims["email"] && p.Verified == gatehouse.Unverified {
		return gatehouse.Vouched{}, gatehouse.Errorf(gatehouse.Forbidden, "%s has not checked that your e-mail address is yours, and it is by this address that you are known here. Confirm the address there and sign in again.", d.client.Label)
	}
	if err := d.mapping.Apply(&p, all); err != nil {
		return gatehouse.Vouched{}, d.client.Unmapped(err)
	}
	if err := d.checkGroups(p.Groups); err != nil {
		return gatehouse.Vouched{}, err
	}
	p.Groups = p.Groups[:min(len(p.Groups), maxGroups)]
	return gatehouse.Vouched{Subject: subject, Profile: p}, nil
}

// checkGroups is GitLab's required_groups: one of them is enough.
func (d *door) checkGroups(groups []string) error {
	if len(d.required) == 0 || slices.ContainsFunc(d.required, func(g string) bool { return slices.Contains(groups, g) }) {
		return nil
	}
	return gatehouse.Errorf(gatehouse.Forbidden, "Only people of certain groups at %s may sign in here, and you are in none of them. Ask an administrator if that is wrong.", d.client.Label).
		Because(fmt.Errorf("required_groups: %d groups came in the claim %q, none of them is required", len(groups), d.claims["groups"]))
}

func (d *door) errSubject(claim string) error {
	return gatehouse.Errorf(gatehouse.Upstream, "%s did not say who you are (its answer has no usable %s), so nobody was signed in. Ask an administrator to check the connection.", d.client.Label, claim)
}
