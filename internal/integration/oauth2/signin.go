package oauth2

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"gatehouse"
	"gatehouse/internal/integration/authcode"
)

// maxGroups bounds the groups of one person that are kept.
const maxGroups = 2000

// door signs people in by the authorization code flow (RFC 6749 4.1).
type door struct {
	settings
	client *authcode.Client
}

// Begin gives the address of the provider's own page.
func (d *door) Begin(_ context.Context, a gatehouse.Attempt) (string, error) {
	u, err := url.Parse(d.authorize)
	if err != nil {
		return "", d.client.Garbled(errors.New("authorize_url is not an address"))
	}
	q := u.Query()
	maps.Copy(q, d.params)
	if a.Fresh {
		maps.Copy(q, d.fresh)
	}
	q.Set("client_id", d.client.ID)
	q.Set("redirect_uri", a.RedirectURI)
	q.Set("response_type", "code")
	q.Set("state", a.State)
	if len(d.scopes) > 0 {
		q.Set("scope", strings.Join(d.scopes, " "))
	}
	if d.pkce && a.Verifier != "" {
		q.Set("code_challenge", oauth2.S256ChallengeFromVerifier(a.Verifier))
		q.Set("code_challenge_method", "S256")
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// Finish takes the code to the provider and asks whose the token is.
func (d *door) Finish(ctx context.Context, a gatehouse.Attempt, answer url.Values) (gatehouse.Vouched, error) {
	code, err := d.client.Code(answer)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, authcode.Timeout)
	defer cancel()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {a.RedirectURI}}
	if d.pkce && a.Verifier != "" {
		form.Set("code_verifier", a.Verifier)
	}
	tokens, err := d.client.Redeem(ctx, d.token, d.method, form)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	told, err := d.client.JSON(ctx, d.user, tokens.Access)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	v, err := d.vouch(told)
	if err == nil && d.more != nil {
		err = d.more(ctx, d.client, tokens.Access, &v)
	}
	if err == nil {
		err = d.work(&v, told)
	}
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	if len(tokens.Scopes) == 0 {
		tokens.Scopes = slices.Clone(d.scopes) // RFC 6749 5.1: not said means as asked
	}
	v.Tokens = &tokens.Tokens
	return v, nil
}

// Refresh renews the tokens. A provider may take the old pair back at once, so
// the caller must not renew the same pair twice at a time.
func (d *door) Refresh(ctx context.Context, old gatehouse.Tokens) (gatehouse.Tokens, error) {
	return d.client.Refresh(ctx, d.token, d.method, old)
}

// vouch puts the user-info answer into our words.
func (d *door) vouch(told map[string]any) (gatehouse.Vouched, error) {
	subject, ok := authcode.Subject(authcode.Find(told, d.id...))
	if !ok {
		return gatehouse.Vouched{}, gatehouse.Errorf(gatehouse.Upstream, "%s did not say who you are (its answer has no usable id at %s), so nobody was signed in. Ask an administrator to check the setting id_path.", d.client.Label, strings.Join(d.id, "."))
	}
	find := func(field string) any {
		if d.fields[field] == nil {
			return nil
		}
		return authcode.Find(told, d.fields[field]...)
	}
	text := func(field string) string { return authcode.Text(find(field)) }
	p := gatehouse.Profile{
		Username: text("username"), Nickname: text("nickname"),
		Name:  cmp.Or(text("name"), strings.TrimSpace(text("first_name")+" "+text("last_name"))),
		Email: text("email"), Avatar: cmp.Or(text("avatar"), text("image")), WebURL: text("web_url"),
		Locale: strings.ReplaceAll(text("locale"), "_", "-"), Phone: text("phone"), Title: text("title"),
		Organization: text("organization"), Location: text("location"), Bio: cmp.Or(text("bio"), text("description")),
		Pronouns: text("pronouns"), Website: text("website"),
		Groups: authcode.Texts(find("groups")),
	}
	if p.Email != "" {
		p.Verified = authcode.Verification(find("email_verified"))
	}
	return gatehouse.Vouched{Subject: subject, Profile: p}, nil
}

// work puts the fields in that the mapping works out.
func (d *door) work(v *gatehouse.Vouched, told map[string]any) error {
	if err := d.mapping.Apply(&v.Profile, told); err != nil {
		return d.client.Unmapped(err)
	}
	v.Profile.Groups = v.Profile.Groups[:min(len(v.Profile.Groups), maxGroups)]
	return nil
}
