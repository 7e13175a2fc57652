package request

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"

	"gatehouse"
)

// The subject types (OpenID Connect Core section 8).
const (
	SubjectPublic   = "public"
	SubjectPairwise = "pairwise"
)

// Pairwise says whether a client knows people by a subject that is no other's.
func Pairwise(c gatehouse.Client) bool { return c.Settings.SubjectType == SubjectPairwise }

// PairwiseSubject is what a client with pairwise subjects knows a user by: the
// same for all clients of a sector, and to be compared with nobody else's.
func PairwiseSubject(salt []byte, c gatehouse.Client, u gatehouse.User) string {
	mac := hmac.New(sha256.New, salt)
	mac.Write([]byte(Sector(c) + "\x00" + Subject(u)))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Sector is the host of a client's sector_identifier_uri, else that of its
// redirect URIs; a client with neither is a sector of its own.
func Sector(c gatehouse.Client) string {
	for _, address := range append([]string{c.Settings.SectorURI}, c.RedirectURIs...) {
		if u, err := url.Parse(address); err == nil && u.Host != "" {
			return u.Hostname()
		}
	}
	return "client:" + c.ID
}

// OneSector says whether it is clear of which sector a client is: it names one,
// or all its redirect URIs are of one host (section 8.1).
func OneSector(c gatehouse.Client) bool {
	if c.Settings.SectorURI != "" {
		return true
	}
	host := ""
	for i, address := range c.RedirectURIs {
		u, err := url.Parse(address)
		if err != nil || i > 0 && u.Hostname() != host {
			return false
		}
		host = u.Hostname()
	}
	return true
}
