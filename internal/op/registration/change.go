package registration

import (
	"maps"
	"slices"

	"gatehouse"
	"gatehouse/internal/op/request"
)

// Over is the policy for a client that changes itself: it may ask for what it
// has, and for no more. An administrator may have taken something from it, or
// given it something, and neither is a stranger's to undo.
func (p Policy) Over(old gatehouse.Client) Policy {
	p.Scopes = slices.Clone(old.Scopes)
	if p.Scopes == nil {
		p.Scopes = []string{} // nil would mean the usual ones
	}
	p.grants = old.GrantTypes
	p.NoPKCE = p.NoPKCE && !old.RequirePKCE
	return p
}

// Change is a client after it changed itself to what Decide made of its new
// metadata. What is not in metadata stays as an administrator left it. Nobody
// trusts addresses or a name that were not there when they chose to.
func Change(old, wanted gatehouse.Client) gatehouse.Client {
	c := old
	c.Trusted = old.Trusted && wanted.Name == old.Name && maps.Equal(wanted.Settings.About.Names, old.Settings.About.Names) && request.Covers(old.RedirectURIs, wanted.RedirectURIs)
	c.Name, c.RedirectURIs, c.PostLogoutRedirectURIs, c.BackchannelLogoutURI = wanted.Name, wanted.RedirectURIs, wanted.PostLogoutRedirectURIs, wanted.BackchannelLogoutURI
	c.AuthMethod, c.GrantTypes, c.RequirePKCE, c.Scopes = wanted.AuthMethod, wanted.GrantTypes, wanted.RequirePKCE, wanted.Scopes
	s, w := &c.Settings, wanted.Settings
	s.JWKS, s.JWKSURI, s.AuthSigningAlg, s.IDTokenAlg = w.JWKS, w.JWKSURI, w.AuthSigningAlg, w.IDTokenAlg
	s.MaxAge, s.ACRValues, s.RequestURIs, s.RequestObjectAlg = w.MaxAge, w.ACRValues, w.RequestURIs, w.RequestObjectAlg
	s.RequireSigned, s.UserinfoAlg = w.RequireSigned, w.UserinfoAlg
	s.InitiateLoginURI, s.FrontchannelLogoutURI, s.FrontchannelSession = w.InitiateLoginURI, w.FrontchannelLogoutURI, w.FrontchannelSession
	s.About = w.About
	s.SubjectType, s.SectorURI = w.SubjectType, w.SectorURI
	return c
}
