package users

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"gatehouse"
	"gatehouse/internal/mail"
)

// Bounds of what a provider tells, in bytes. Longer texts are cut, longer
// addresses and URLs dropped.
const (
	maxSubject = 512
	maxText    = 255
	maxURL     = 2048
	maxGroups  = 1000
	maxAliases = 16
	maxFacts   = 32
)

// validSubject says whether a provider's id can be kept byte for byte.
func validSubject(s string) bool {
	return s != "" && len(s) <= maxSubject && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, unicode.IsControl)
}

// Clean bounds what a provider vouched for, as Ensure does, for who keeps it.
func Clean(v gatehouse.Vouched) gatehouse.Vouched { return clean(v) }

// clean bounds what a provider vouched for. The subject stays as it is.
func clean(v gatehouse.Vouched) gatehouse.Vouched {
	p := v.Profile
	v.Profile = gatehouse.Profile{
		Username: cleanText(p.Username), Nickname: cleanText(p.Nickname), Name: cleanText(p.Name),
		Email: cleanEmail(p.Email), Verified: p.Verified,
		Avatar: cleanURL(p.Avatar), WebURL: cleanURL(p.WebURL),
		Locale: cleanText(p.Locale), Phone: cleanText(p.Phone), Title: cleanText(p.Title),
		Organization: cleanText(p.Organization), Location: cleanText(p.Location), Bio: cleanText(p.Bio),
		Pronouns: cleanText(p.Pronouns), Website: cleanURL(p.Website),
	}
	switch p.Verified {
	case gatehouse.Unstated, gatehouse.Verified:
	default: // what we do not understand is no yes
		v.Profile.Verified = gatehouse.Unverified
	}
	for i, g := range p.Groups {
		if g = cleanText(g); g != "" && i < maxGroups {
			v.Profile.Groups = append(v.Profile.Groups, g)
		}
	}
	aliases := map[string]string{}
	for kind, value := range v.Aliases {
		if kind != "" && len(kind) <= maxText && validSubject(value) && len(aliases) < maxAliases {
			aliases[kind] = value
		}
	}
	v.Aliases, v.Facts = aliases, cleanFacts(v.Facts)
	return v
}

func cleanFacts(from map[string]string) map[string]string {
	if len(from) == 0 {
		return nil
	}
	facts := map[string]string{}
	for name, value := range from {
		if len(name) <= maxText && len(facts) < maxFacts {
			facts[name] = cleanText(value)
		}
	}
	return facts
}

// OneLine makes a text from outside safe to keep and to show, as Ensure does
// with what providers tell.
func OneLine(s string) string { return cleanText(s) }

// cleanText makes a text safe to show in one line: no control characters, none
// that turn the direction or take no room, none that are no text at all,
// and each letter with its accents as one (Unicode NFC), so that what looks the
// same is the same.
func cleanText(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError, !unicode.IsGraphic(r): // controls, formats (Cf), surrogates, private use
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = norm.NFC.String(strings.Join(strings.Fields(s), " "))
	if len(s) > maxText {
		s = strings.TrimSpace(strings.ToValidUTF8(s[:maxText], ""))
	}
	return s
}

// cleanEmail is the one form in which addresses are compared.
func cleanEmail(s string) string { return mail.CleanAddress(s) }

func cleanURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || len(s) > maxURL || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return u.String()
}
