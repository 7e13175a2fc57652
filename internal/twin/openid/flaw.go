package openid

import (
	"slices"
	"time"

	"gatehouse/internal/twin/openid/jws"
)

// A Flaw is one thing that the provider says wrongly. Several may hold at once.
type Flaw string

// What can be wrong in the metadata and in the answer of the authorization
// endpoint.
const (
	DiscoveryIssuer Flaw = "discovery-issuer"  // the metadata name another issuer
	AnswerIssuer    Flaw = "answer-issuer"     // the answer's iss names another issuer
	AnswerNoIssuer  Flaw = "answer-no-issuer"  // the answer has no iss, though the metadata promise one
	AnswerState     Flaw = "answer-state"      // the answer's state is another
	AnswerNoState   Flaw = "answer-no-state"   // the answer has no state
	AnswerError     Flaw = "answer-error"      // the answer is an error, its text markup
	MixedUpCode     Flaw = "mixed-up-code"     // the answer holds the code of somebody else's sign-in
	IgnoredVerifier Flaw = "ignored-verifier"  // PKCE is not checked, as by a provider that does not know it
	ReusableCode    Flaw = "reusable-code"     // a code is good more than once
	NoIDToken       Flaw = "no-id-token"       // the token answer has no ID token
	GarbageIDToken  Flaw = "garbage-id-token"  // the ID token is no JWT
	TokenType       Flaw = "token-type"        // the access token is of an unknown type
	UserinfoSubject Flaw = "userinfo-subject"  // userinfo speaks of somebody else
	UserinfoNobody  Flaw = "userinfo-nobody"   // userinfo has no sub
	PlainNoID       Flaw = "plain-no-id"       // the plain provider's userinfo has no id
	PlainEmptyID    Flaw = "plain-empty-id"    // … an empty one
	PlainFractionID Flaw = "plain-fraction-id" // … a number with a fraction
)

// What can be wrong in the claims of an ID token, of signed userinfo and of a
// logout token.
const (
	WrongIssuer     Flaw = "wrong-issuer"     // iss is another
	WrongAudience   Flaw = "wrong-audience"   // aud is another client
	NoAudience      Flaw = "no-audience"      // aud is absent
	ExtraAudience   Flaw = "extra-audience"   // aud names another client besides, without azp
	WrongParty      Flaw = "wrong-party"      // azp is another client
	WrongNonce      Flaw = "wrong-nonce"      // nonce is another
	NoNonce         Flaw = "no-nonce"         // nonce is absent
	Expired         Flaw = "expired"          // exp is an hour ago
	NoExpiry        Flaw = "no-expiry"        // exp is absent
	NoIssued        Flaw = "no-issued"        // iat is absent
	FutureIssued    Flaw = "future-issued"    // iat is in an hour
	FutureNotBefore Flaw = "future-notbefore" // nbf is in an hour
	NoSubject       Flaw = "no-subject"       // sub is absent
	EmptySubject    Flaw = "empty-subject"    // sub is empty
	NumberSubject   Flaw = "number-subject"   // sub is a number
	WrongTokenHash  Flaw = "wrong-token-hash" // at_hash belongs to another access token
	NoTokenHash     Flaw = "no-token-hash"    // at_hash is absent, which is allowed
	DuplicateClaims Flaw = "duplicate-claims" // sub is there twice, the second somebody else's
)

// What can be wrong in the signature of any of them. Of these, one holds at once.
const (
	BadSignature   = Flaw(jws.BadSignature)   // a bit of the signature is turned
	AlgNone        = Flaw(jws.AlgNone)        // there is no signature
	HS256PublicKey = Flaw(jws.HS256PublicKey) // HS256 with the public key, as PEM, for a secret
	UnknownKey     = Flaw(jws.UnknownKey)     // kid is not in the key set, the signature is good
	NoKeyID        = Flaw(jws.NoKeyID)        // kid is absent, which is allowed; the signature is good
	StrangersKey   = Flaw(jws.StrangersKey)   // signed by a stranger under our kid
	EmbeddedKey    = Flaw(jws.EmbeddedKey)    // signed by a stranger whose key is in the header
	CriticalHeader = Flaw(jws.CriticalHeader) // crit names an extension that nobody knows
)

// What can be wrong in a logout token alone.
const (
	LogoutNonce     Flaw = "logout-nonce"      // it has a nonce, so that it may be an ID token
	LogoutNoEvent   Flaw = "logout-no-event"   // it lacks the event
	LogoutNobody    Flaw = "logout-nobody"     // it has neither sub nor sid
	LogoutOldFormat Flaw = "logout-old-format" // typ is JWT and exp is absent, as before 2022; allowed
)

// AllFlaws lists them in the order in which they are documented.
func AllFlaws() []Flaw {
	return slices.Concat([]Flaw{
		DiscoveryIssuer, AnswerIssuer, AnswerNoIssuer, AnswerState, AnswerNoState, AnswerError, MixedUpCode, IgnoredVerifier,
		ReusableCode, NoIDToken, GarbageIDToken, TokenType, UserinfoSubject, UserinfoNobody, PlainNoID, PlainEmptyID, PlainFractionID,
		WrongIssuer, WrongAudience, NoAudience, ExtraAudience, WrongParty, WrongNonce, NoNonce, Expired, NoExpiry,
		NoIssued, FutureIssued, FutureNotBefore, NoSubject, EmptySubject, NumberSubject, WrongTokenHash, NoTokenHash, DuplicateClaims,
	}, signatureFlaws(), []Flaw{LogoutNonce, LogoutNoEvent, LogoutNobody, LogoutOldFormat})
}

func signatureFlaws() []Flaw {
	return []Flaw{BadSignature, AlgNone, HS256PublicKey, UnknownKey, NoKeyID, StrangersKey, EmbeddedKey, CriticalHeader}
}

// Who the flaws name in place of the true ones.
const (
	otherIssuer = "https://elsewhere.example.net"
	otherClient = "another-client"
)

func (t *Twin) flawed(f Flaw) bool { return slices.Contains(t.faults.Flaws, f) }

// spoilClaims applies the flaws of claims.
func (t *Twin) spoilClaims(claims map[string]any, now time.Time) {
	client, hour := claims["aud"], int64(3600)
	for _, f := range t.faults.Flaws {
		switch f {
		case WrongIssuer:
			claims["iss"] = otherIssuer
		case WrongAudience:
			claims["aud"] = otherClient
		case NoAudience:
			delete(claims, "aud")
		case ExtraAudience:
			claims["aud"] = []any{client, otherClient}
			delete(claims, "azp")
		case WrongParty:
			claims["azp"] = otherClient
		case WrongNonce:
			claims["nonce"] = secret()
		case NoNonce:
			delete(claims, "nonce")
		case Expired:
			claims["iat"], claims["exp"] = now.Unix()-2*hour, now.Unix()-hour
		case NoExpiry:
			delete(claims, "exp")
		case NoIssued:
			delete(claims, "iat")
		case FutureIssued:
			claims["iat"], claims["exp"] = now.Unix()+hour, now.Unix()+2*hour
		case FutureNotBefore:
			claims["nbf"], claims["exp"] = now.Unix()+hour, now.Unix()+2*hour
		case NoSubject:
			delete(claims, "sub")
		case EmptySubject:
			claims["sub"] = ""
		case NumberSubject:
			claims["sub"] = 12345
		case WrongTokenHash:
			claims["at_hash"] = jws.Half("RS256", secret())
		case NoTokenHash:
			delete(claims, "at_hash")
		default: // of something else than claims
		}
	}
}
