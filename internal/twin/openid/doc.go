// Package openid is a stand-in for a company's own OpenID provider, for tests
// and for trying Gatehouse out, with a switch for everything that such a provider
// can get wrong. By other paths the same server plays a plain OAuth 2.0 provider
// that knows no ID tokens. It signs in whoever is picked on its page, without a
// password, so it must never be reached by anyone but the person trying it. It
// shares no code with the rest of Gatehouse, so that both cannot be wrong in the
// same way.
package openid
