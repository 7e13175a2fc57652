package world

import (
	"fmt"
	"hash/crc32"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// Told is what the scopes let a client know about the person. site is the address
// of the provider, for the picture.
func (p *Person) Told(site string, scopes []string) map[string]any {
	all := map[string]any{"sub": p.Sub}
	put := func(scope, name, value string) {
		if value != "" && slices.Contains(scopes, scope) {
			all[name] = value
		}
	}
	for name, value := range map[string]string{
		"name": p.Name, "given_name": p.GivenName, "family_name": p.FamilyName, "preferred_username": p.Username,
		"nickname": p.Nickname, "locale": p.Locale, "title": p.Title,
	} {
		put("profile", name, value)
	}
	if p.Picture {
		put("profile", "picture", site+"/media/"+url.PathEscape(p.Sub)+".svg")
	}
	put("email", "email", p.Email)
	put("phone", "phone_number", p.Phone)
	if p.EmailVerified != nil && slices.Contains(scopes, "email") {
		all["email_verified"] = p.EmailVerified
	}
	if p.Groups != nil && slices.Contains(scopes, "groups") {
		all["groups"] = p.Groups
	}
	for name, value := range p.Claims {
		switch {
		case !slices.Contains(scopes, "profile"):
		case value == nil:
			delete(all, name)
		default:
			all[name] = value
		}
	}
	return all
}

// Face is how a person is shown on the pages.
type Face struct {
	Sub, Name, Note string
	Initial         string
	Hue             uint32 // of the picture, in degrees
}

// Face says of a person what tells the interesting cases apart.
func (p *Person) Face() Face {
	v := Face{Sub: p.Sub, Name: p.Name, Hue: crc32.ChecksumIEEE([]byte(p.Sub)) % 360}
	first, _ := utf8.DecodeRuneInString(v.Name)
	v.Initial = string(first)
	if v.Name == "" {
		v.Name, v.Initial = "（无名氏） (no name)", "?"
	}
	notes := []string{p.Title, p.Email, "未验证 unverified"}
	switch {
	case p.Email == "":
		notes[1], notes[2] = "无邮箱 no e-mail", ""
	case p.EmailVerified == true:
		notes[2] = "已验证 verified"
	case p.EmailVerified == nil:
		notes[2] = "未说明是否验证 not said to be verified"
	case p.EmailVerified != false:
		notes[2] = fmt.Sprintf("email_verified: %q", p.EmailVerified)
	}
	if p.Disabled {
		notes = append(notes, "已停用 disabled")
	}
	v.Note = strings.Join(slices.DeleteFunc(notes, func(s string) bool { return s == "" }), " · ")
	return v
}
