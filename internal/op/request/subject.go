package request

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"net/url"
	"strings"

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

// PairwiseSession is what a client with pairwise subjects knows a session by: one
// name for all clients would tell them that theirs is the same person.
func PairwiseSession(salt []byte, c gatehouse.Client, sessionID string) string {
	mac := hmac.New(sha256.New, salt)
	mac.Write([]byte("sid\x00" + c.ID + "\x00" + sessionID))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Sector is the host of a client's sector_identifier_uri, else that of its
// redirect URIs; a client with neither is a sector of its own. The person's own
// machine and the scheme of an app are no host that somebody could have: every
// app on a device has them.
func Sector(c gatehouse.Client) string {
	for _, address := range append([]string{c.Settings.SectorURI}, c.RedirectURIs...) {
		u, err := url.Parse(address)
		if err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") && !ownMachine(u.Hostname()) {
			return strings.ToLower(u.Hostname())
		}
	}
	return "client:" + c.ID
}

func ownMachine(host string) bool {
	host = strings.ToLower(host)
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
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
