package openid

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"gatehouse/internal/twin/openid/jws"
)

// shown is what a provider with a flaw said in one sign-in of nora's.
type shown struct {
	*bench
	metadata map[string]any
	answer   url.Values
	tokens   reply
	userinfo reply
	header   map[string]any // of the ID token
	claims   map[string]any
	raw      string // the claims as they are on the wire
	valid    bool   // the signature is good by a published key
	kid      string // of the key that is published
}

// signInWith runs a whole sign-in at a provider with flaws.
func signInWith(t *testing.T, flaws ...Flaw) *shown {
	t.Helper()
	b := newBench(t)
	b.SetFlaws(flaws...)
	s := &shown{bench: b, metadata: b.get(pathDiscovery).json}
	s.answer = b.answerOf(b.post(authPath(), url.Values{"sub": {DemoSub("nora")}, "consent": {"agree"}}))
	s.tokens = b.exchange(s.answer.Get("code"))
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(b.get(pathKeys).text), &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%v %v", err, set)
	}
	s.kid = set.Keys[0].KeyID
	access, _ := s.tokens.json["access_token"].(string)
	s.userinfo = b.withToken(pathUserinfo, access)
	if token, _ := s.tokens.json["id_token"].(string); strings.Count(token, ".") == 2 {
		s.header, s.claims, s.raw = parts(t, token)
		if signed, err := jose.ParseSignedCompact(token, jws.Algorithms()); err == nil {
			_, err = signed.Verify(set.Keys[0].Key)
			s.valid = err == nil
		}
	}
	return s
}

func (s *shown) now() int64 { return s.bench.now.Now().Unix() }

// claim says whether a well-signed ID token says this.
func (s *shown) claim(name string, want any) bool {
	if n, ok := want.(int64); ok {
		want = float64(n)
	}
	return s.valid && s.claims[name] == want
}

func (s *shown) lacks(name string) bool {
	_, there := s.claims[name]
	return s.valid && !there && s.claims["iss"] == s.metadata["issuer"]
}

// TestFlaws_AreOnTheWire: each flaw really happens, and nothing else does.
func TestFlaws_AreOnTheWire(t *testing.T) {
	t.Parallel()
	nora := DemoSub("nora")
	cases := map[Flaw]func(s *shown) bool{
		"": func(s *shown) bool {
			token := s.tokens.json["access_token"].(string)
			return s.claim("iss", s.url) && s.claim("aud", DemoClientID) && s.claim("sub", nora) && s.claim("nonce", "n0nce") &&
				s.claim("exp", s.now()+600) && s.claim("iat", s.now()) && s.claim("at_hash", jws.Half("RS256", token)) &&
				s.header["alg"] == "RS256" && s.header["kid"] == s.kid && s.userinfo.json["sub"] == nora && s.answer.Get("iss") == s.metadata["issuer"]
		},
		DiscoveryIssuer: func(s *shown) bool {
			return s.metadata["issuer"] == otherIssuer && s.metadata["jwks_uri"] == s.url+pathKeys && s.claim("iss", s.url)
		},
		AnswerIssuer:    func(s *shown) bool { return s.answer.Get("iss") == otherIssuer && s.claim("iss", s.url) },
		AnswerNoIssuer:  func(s *shown) bool { return !s.answer.Has("iss") && s.answer.Has("code") },
		AnswerState:     func(s *shown) bool { return s.answer.Get("state") != "st&te" && s.answer.Get("state") != "" },
		AnswerNoState:   func(s *shown) bool { return !s.answer.Has("state") && s.answer.Has("code") },
		AnswerError:     func(s *shown) bool { return s.answer.Get("error") == "server_error" && !s.answer.Has("code") },
		MixedUpCode:     func(s *shown) bool { return s.claim("sub", DemoSub("zhao.yun")) && s.claims["nonce"] != "n0nce" },
		NoIDToken:       func(s *shown) bool { return s.tokens.status == 200 && s.tokens.json["id_token"] == nil },
		GarbageIDToken:  func(s *shown) bool { return s.tokens.json["id_token"] == "this is not a token" },
		TokenType:       func(s *shown) bool { return s.tokens.json["token_type"] == "twin" },
		UserinfoSubject: func(s *shown) bool { return s.claim("sub", nora) && s.userinfo.json["sub"] == DemoSub("zhao.yun") },
		UserinfoNobody: func(s *shown) bool {
			return s.userinfo.json["sub"] == nil && s.userinfo.json["name"] == "Nora Lindqvist"
		},
		WrongIssuer:   func(s *shown) bool { return s.claim("iss", otherIssuer) && s.metadata["issuer"] == s.url },
		WrongAudience: func(s *shown) bool { return s.claim("aud", otherClient) },
		NoAudience:    func(s *shown) bool { return s.lacks("aud") },
		ExtraAudience: func(s *shown) bool {
			return s.lacks("azp") && strings.Contains(s.raw, `"aud":["`+DemoClientID+`","`+otherClient+`"]`)
		},
		WrongParty:      func(s *shown) bool { return s.claim("azp", otherClient) && s.claim("aud", DemoClientID) },
		WrongNonce:      func(s *shown) bool { return s.valid && s.claims["nonce"] != "n0nce" && s.claims["nonce"] != nil },
		NoNonce:         func(s *shown) bool { return s.lacks("nonce") },
		Expired:         func(s *shown) bool { return s.claim("exp", s.now()-3600) },
		NoExpiry:        func(s *shown) bool { return s.lacks("exp") },
		NoIssued:        func(s *shown) bool { return s.lacks("iat") },
		FutureIssued:    func(s *shown) bool { return s.claim("iat", s.now()+3600) },
		FutureNotBefore: func(s *shown) bool { return s.claim("nbf", s.now()+3600) },
		NoSubject:       func(s *shown) bool { return s.lacks("sub") },
		EmptySubject:    func(s *shown) bool { return s.claim("sub", "") },
		NumberSubject:   func(s *shown) bool { return s.claim("sub", int64(12345)) },
		WrongTokenHash: func(s *shown) bool {
			return s.valid && len(s.claims["at_hash"].(string)) == 22 && s.claims["at_hash"] != jws.Half("RS256", s.tokens.json["access_token"].(string))
		},
		NoTokenHash: func(s *shown) bool { return s.lacks("at_hash") },
		DuplicateClaims: func(s *shown) bool {
			return s.valid && strings.Contains(s.raw, `"sub":"`+nora+`"`) && strings.HasSuffix(s.raw, `,"sub":"`+DemoSub("zhao.yun")+`"}`)
		},
		BadSignature: func(s *shown) bool { return !s.valid && s.header["alg"] == "RS256" && s.header["kid"] == s.kid },
		AlgNone: func(s *shown) bool {
			return s.header["alg"] == "none" && strings.HasSuffix(s.tokens.json["id_token"].(string), ".") && s.claims["sub"] == nora
		},
		HS256PublicKey: func(s *shown) bool { return s.header["alg"] == "HS256" && s.hmacFits() },
		UnknownKey:     func(s *shown) bool { return s.valid && s.header["kid"] != s.kid && s.header["kid"] != "" },
		NoKeyID:        func(s *shown) bool { return s.valid && s.header["kid"] == nil },
		StrangersKey:   func(s *shown) bool { return !s.valid && s.header["kid"] == s.kid && s.header["jwk"] == nil },
		EmbeddedKey:    func(s *shown) bool { return !s.valid && s.embeddedKeyFits() },
		CriticalHeader: func(s *shown) bool { return s.header["crit"].([]any)[0] == "twin" && s.header["twin"] == true },
	}
	elsewhere := []Flaw{IgnoredVerifier, ReusableCode, PlainNoID, PlainEmptyID, PlainFractionID, LogoutNonce, LogoutNoEvent, LogoutNobody, LogoutOldFormat}
	for _, f := range AllFlaws() {
		if cases[f] == nil && !strings.Contains(strings.Join(names(elsewhere), " "), string(f)) {
			t.Errorf("%s is not tested", f)
		}
	}
	for flaw, happened := range cases {
		t.Run(string(flaw), func(t *testing.T) {
			t.Parallel()
			s := signInWith(t, flaw)
			if !happened(s) {
				t.Errorf("it did not happen: %v %v %v %s %s", s.answer, s.header, s.claims, s.tokens.text, s.userinfo.text)
			}
		})
	}
}

func names(flaws []Flaw) []string {
	var all []string
	for _, f := range flaws {
		all = append(all, string(f))
	}
	return all
}

// hmacFits: an attacker who knows only the published key could have made this.
func (s *shown) hmacFits() bool {
	secret, err := jws.PublicPEM(jose.JSONWebKey{Key: &sharedKey().PublicKey})
	if err != nil {
		return false
	}
	token := s.tokens.json["id_token"].(string)
	dot := strings.LastIndexByte(token, '.')
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(token[:dot]))
	return token[dot+1:] == base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// embeddedKeyFits: whoever believes the header finds the signature good.
func (s *shown) embeddedKeyFits() bool {
	signed, err := jose.ParseSignedCompact(s.tokens.json["id_token"].(string), jws.Algorithms())
	if err != nil || signed.Signatures[0].Header.JSONWebKey == nil {
		return false
	}
	_, err = signed.Verify(signed.Signatures[0].Header.JSONWebKey.Key)
	return err == nil
}

// TestFlaws_MixedUpCode: PKCE stops somebody else's code at the provider; where
// the provider does not know PKCE, the nonce is all that is left.
func TestFlaws_MixedUpCode(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	verifier := oauth2.GenerateVerifier()
	path := authPath("code_challenge", oauth2.S256ChallengeFromVerifier(verifier), "code_challenge_method", "S256")
	b.SetFlaws(MixedUpCode)
	if a := b.exchange(b.code(path, "nora"), "code_verifier", verifier); a.json["error"] != "invalid_grant" {
		t.Errorf("%d %s", a.status, a.text)
	}
	b.SetFlaws(MixedUpCode, IgnoredVerifier)
	_, claims, _ := parts(t, b.exchange(b.code(path, "nora"), "code_verifier", verifier).json["id_token"])
	if claims["sub"] != DemoSub("zhao.yun") || claims["nonce"] == "n0nce" {
		t.Errorf("%v", claims)
	}
}

func TestFlaws_IgnoredVerifierAndReusableCode(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.SetFlaws(IgnoredVerifier, ReusableCode)
	code := b.code(authPath("code_challenge", strings.Repeat("a", 43)), "nora")
	for range 2 {
		if a := b.exchange(code, "code_verifier", "wrong"); a.status != http.StatusOK {
			t.Errorf("%d %s", a.status, a.text)
		}
	}
}

// TestFlaws_SignedUserinfo: a JWT at userinfo is as wrong as an ID token.
func TestFlaws_SignedUserinfo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	client := DemoClient(callback)
	client.SignedUserinfo, client.ClaimsInIDToken = true, true
	b.add(client)
	tokens := b.tokens("nora")
	a := b.withToken(pathUserinfo, tokens["access_token"].(string))
	_, claims, _ := parts(t, a.text)
	if a.header.Get("Content-Type") != "application/jwt" || claims["iss"] != b.url || claims["aud"] != DemoClientID || claims["name"] != "Nora Lindqvist" {
		t.Errorf("%v %v", a.header, claims)
	}
	if _, id, _ := parts(t, tokens["id_token"]); id["email"] != "nora@qinghe.example.com" {
		t.Errorf("the ID token lacks the claims: %v", id)
	}
	b.SetFlaws(AlgNone, WrongAudience, UserinfoSubject)
	header, claims, _ := parts(t, b.withToken(pathUserinfo, tokens["access_token"].(string)).text)
	if header["alg"] != "none" || claims["aud"] != otherClient || claims["sub"] != DemoSub("zhao.yun") {
		t.Errorf("%v %v", header, claims)
	}
}

func TestRotateKeys(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	client := DemoClient(callback)
	client.Algorithm = "ES256"
	b.add(client) // beside RS256, which is always there
	published := func() map[string]string {
		ids := map[string]string{}
		for _, k := range b.get(pathKeys).json["keys"].([]any) {
			key := k.(map[string]any)
			if key["d"] != nil {
				t.Error("a private key is published")
			}
			ids[key["kid"].(string)] = key["alg"].(string)
		}
		return ids
	}
	signedBy := func() string {
		header, _, _ := parts(t, b.tokens("nora")["id_token"])
		return header["kid"].(string)
	}
	first, before := signedBy(), published()
	if err := b.RotateKeys(true); err != nil {
		t.Fatal(err)
	}
	second, kept := signedBy(), published()
	if first == second || len(before) != 2 || len(kept) != 4 || kept[first] != "ES256" || kept[second] != "ES256" || len(b.KeyIDs()) != 4 {
		t.Errorf("%s %v, then %s %v", first, before, second, kept)
	}
	if err := b.RotateKeys(false); err != nil {
		t.Fatal(err)
	}
	third, dropped := signedBy(), published()
	if len(dropped) != 2 || dropped[third] != "ES256" || dropped[first] != "" || dropped[second] != "" {
		t.Errorf("%s %v", third, dropped)
	}
}
