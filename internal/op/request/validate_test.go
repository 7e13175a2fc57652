package request

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse"
)

// challenge is that of RFC 7636, appendix B.
const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

func confidential() *gatehouse.Client {
	return &gatehouse.Client{
		ID: "app", Name: "App", SecretHash: []byte("x"), RedirectURIs: []string{"https://app.example/cb"},
		Scopes: []string{"openid", "profile", "read_user"}, RequirePKCE: true, Enabled: true,
	}
}

func right() url.Values {
	return url.Values{
		"client_id": {"app"}, "redirect_uri": {"https://app.example/cb"}, "response_type": {"code"}, "scope": {"openid profile"},
		"state": {"s"}, "nonce": {"n"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	type change struct {
		client func(*gatehouse.Client)
		params url.Values // instead of the right ones; nil takes one out
	}
	public := func(c *gatehouse.Client) { c.SecretHash = nil }
	resources := func(c *gatehouse.Client) { c.Settings.Resources = []string{"https://a.example", "urn:b"} }
	noPKCE := func(c *gatehouse.Client) { c.RequirePKCE = false }
	for name, c := range map[string]struct {
		change
		code string // "": right; "page": a page
		says string // a part of the description
	}{
		"Right":                       {},
		"RightPublic":                 {change{client: public}, "", ""},
		"A1/WrongRedirectIsAPage":     {change{params: url.Values{"redirect_uri": {"https://evil.example/"}}}, "page", "redirect_uri"},
		"A4/DoubledRedirectIsAPage":   {change{params: url.Values{"redirect_uri": {"https://app.example/cb", "https://evil.example/"}}}, "page", "more than once"},
		"A4/DoubledClientIsAPage":     {change{params: url.Values{"client_id": {"app", "app"}}}, "page", "more than once"},
		"A4/NoClientIsAPage":          {change{params: url.Values{"client_id": nil}}, "page", "client_id is missing"},
		"A4/DisabledClientIsAPage":    {change{client: func(c *gatehouse.Client) { c.Enabled = false }}, "page", "switched off"},
		"A4/NoRedirectWithOpenID":     {change{params: url.Values{"redirect_uri": nil}}, "page", "redirect_uri is missing"},
		"NoRedirectOneRegistered":     {change{params: url.Values{"redirect_uri": nil, "scope": {"read_user"}}}, "", ""},
		"NoRedirectTwoRegistered":     {change{client: func(c *gatehouse.Client) { c.RedirectURIs = append(c.RedirectURIs, "https://app.example/2") }, params: url.Values{"redirect_uri": nil, "scope": {"read_user"}}}, "page", "redirect_uri is missing"},
		"A4/DoubledScope":             {change{params: url.Values{"scope": {"openid", "openid"}}}, "invalid_request", "more than once"},
		"A4/DoubledUnknown":           {change{params: url.Values{"foo": {"1", "2"}}}, "invalid_request", "more than once"},
		"UnknownParameterIsIgnored":   {change{params: url.Values{"foo": {"1"}}}, "", ""},
		"ResourceNotRegistered":       {change{params: url.Values{"resource": {"https://a.example"}}}, "invalid_target", ""},
		"ResourceMayComeTwice":        {change{client: resources, params: url.Values{"resource": {"https://a.example", "urn:b"}}}, "", ""},
		"ResourceOneOfTwoUnknown":     {change{client: resources, params: url.Values{"resource": {"https://a.example", "https://c.example"}}}, "invalid_target", ""},
		"ResourceLetterByLetter":      {change{client: resources, params: url.Values{"resource": {"https://a.example/"}}}, "invalid_target", ""},
		"ResourceWithFragment":        {change{client: resources, params: url.Values{"resource": {"https://a.example#x"}}}, "invalid_target", ""},
		"ResourceNotAbsolute":         {change{client: resources, params: url.Values{"resource": {"api"}}}, "invalid_target", ""},
		"TooManyResources":            {change{client: resources, params: url.Values{"resource": {"https://a.example 1 2 3 4 5 6 7 8 9 10"}}}, "invalid_target", ""},
		"AsLongAsAllowed":             {change{params: url.Values{"state": {strings.Repeat("x", maxSize-91)}}}, "", ""},
		"TooLong":                     {change{params: url.Values{"state": {strings.Repeat("x", maxSize-90)}}}, "invalid_request", "too long"},
		"TooLongByItsScope":           {change{params: url.Values{"scope": {strings.Repeat("openid ", maxSize/7)}}}, "invalid_request", "too long"},
		"A4/NoResponseType":           {change{params: url.Values{"response_type": nil}}, "invalid_request", "response_type"},
		"A7/Token":                    {change{params: url.Values{"response_type": {"token"}}}, "unsupported_response_type", "implicit"},
		"A7/IDToken":                  {change{params: url.Values{"response_type": {"id_token"}}}, "unsupported_response_type", "implicit"},
		"A7/Hybrid":                   {change{params: url.Values{"response_type": {"code id_token"}}}, "unsupported_response_type", "implicit"},
		"UnknownResponseType":         {change{params: url.Values{"response_type": {"none"}}}, "unsupported_response_type", "response_type=code"},
		"FormPost":                    {change{params: url.Values{"response_mode": {"form_post"}}}, "", ""},
		"A10/Fragment":                {change{params: url.Values{"response_mode": {"fragment"}}}, "invalid_request", "response_mode"},
		"A10/WebMessage":              {change{params: url.Values{"response_mode": {"web_message"}}}, "invalid_request", "response_mode"},
		"T14/UnregisteredScope":       {change{params: url.Values{"scope": {"openid api"}}}, "invalid_scope", "scope"},
		"T14/UnknownScope":            {change{client: func(c *gatehouse.Client) { c.Scopes = append(c.Scopes, "sudo") }, params: url.Values{"scope": {"sudo"}}}, "invalid_scope", "scope"},
		"T14/ScopeCaseCounts":         {change{params: url.Values{"scope": {"OpenID"}}}, "invalid_scope", "scope"},
		"T14/NoCodeGrant":             {change{client: func(c *gatehouse.Client) { c.GrantTypes = []string{"client_credentials"} }}, "unauthorized_client", "authorization_code"},
		"T14/NoScopeAtAll":            {change{client: func(c *gatehouse.Client) { c.Scopes = nil }, params: url.Values{"scope": nil}}, "invalid_scope", ""},
		"A8/NoChallenge":              {change{params: url.Values{"code_challenge": nil, "code_challenge_method": nil}}, "invalid_request", "require_pkce"},
		"A8/NoChallengePublic":        {change{client: public, params: url.Values{"code_challenge": nil, "code_challenge_method": nil}}, "invalid_request", "public"},
		"A8/PublicCannotGoWithout":    {change{client: func(c *gatehouse.Client) { public(c); noPKCE(c) }, params: url.Values{"code_challenge": nil, "code_challenge_method": nil}}, "invalid_request", "public"},
		"A8/AllowedWithout":           {change{client: noPKCE, params: url.Values{"code_challenge": nil, "code_challenge_method": nil}}, "", ""},
		"A8/Plain":                    {change{params: url.Values{"code_challenge_method": {"plain"}}}, "invalid_request", "S256"},
		"A8/NoMethodMeansPlain":       {change{params: url.Values{"code_challenge_method": nil}}, "invalid_request", "S256"},
		"A9/MethodWithoutChallenge":   {change{client: noPKCE, params: url.Values{"code_challenge": nil}}, "invalid_request", "without a code_challenge"},
		"A8/ShortChallenge":           {change{params: url.Values{"code_challenge": {"abc"}}}, "invalid_request", "43"},
		"A8/PaddedChallenge":          {change{params: url.Values{"code_challenge": {strings.Repeat("a", 42) + "="}}}, "invalid_request", "43"},
		"SignedIsRequired":            {change{client: func(c *gatehouse.Client) { c.Settings.RequireSigned = true }}, "invalid_request", "signed"},
		"Registration":                {change{params: url.Values{"registration": {"{}"}}}, "registration_not_supported", ""},
		"Claims":                      {change{params: url.Values{"claims": {`{"userinfo":{"name":null},"id_token":{"email":{"essential":true},"unknown":null},"other":1}`}}}, "", ""},
		"ClaimsNoJSON":                {change{params: url.Values{"claims": {`{`}}}, "invalid_request", "claims"},
		"ClaimsNoObject":              {change{params: url.Values{"claims": {`[]`}}}, "invalid_request", "claims"},
		"ClaimsOfAWrongType":          {change{params: url.Values{"claims": {`{"userinfo":{"name":"x"}}`}}}, "invalid_request", "claims"},
		"ClaimsTooLong":               {change{params: url.Values{"claims": {`{"userinfo":{}}` + strings.Repeat(" ", maxClaims)}}}, "invalid_request", "claims"},
		"PromptNoneAlone":             {change{params: url.Values{"prompt": {"none login"}}}, "invalid_request", "none"},
		"PromptUnknown":               {change{params: url.Values{"prompt": {"please"}}}, "invalid_request", "prompt"},
		"MaxAgeNoNumber":              {change{params: url.Values{"max_age": {"soon"}}}, "invalid_request", "max_age"},
		"MaxAgeNegative":              {change{params: url.Values{"max_age": {"-1"}}}, "invalid_request", "max_age"},
		"MaxAgeTooGreat":              {change{params: url.Values{"max_age": {"99999999999999999999"}}}, "invalid_request", "max_age"},
		"NonceWithNUL":                {change{params: url.Values{"nonce": {"a\x00b"}}}, "invalid_request", "nonce"},
		"NonceNotUTF8":                {change{params: url.Values{"nonce": {"\xff"}}}, "invalid_request", "nonce"},
		"NonceTooLong":                {change{params: url.Values{"nonce": {strings.Repeat("n", 1025)}}}, "invalid_request", "nonce"},
		"StateIsOptional":             {change{params: url.Values{"state": nil}}, "", ""},
		"EmptyCountsAsAbsent":         {change{params: url.Values{"max_age": {""}, "prompt": {""}, "request": {""}, "response_mode": {""}}}, "", ""},
		"OfflineAccessIsAlwaysOK":     {change{params: url.Values{"scope": {"openid offline_access"}}}, "", ""},
		"OfflineAccessAloneNoRefresh": {change{client: func(c *gatehouse.Client) { c.GrantTypes = []string{"authorization_code"} }, params: url.Values{"scope": {"offline_access"}}}, "invalid_scope", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, v := confidential(), right()
			if c.client != nil {
				c.client(client)
			}
			for name, values := range c.params {
				v[name] = values
			}
			_, refused := Validate(client, Parse(v))
			judge(t, refused, c.code, c.says)
		})
	}
	t.Run("A4/UnknownClientIsAPage", func(t *testing.T) {
		t.Parallel()
		_, refused := Validate(nil, Parse(right()))
		judge(t, refused, "page", "client_id")
	})
}

func judge(t *testing.T, refused *Refusal, code, says string) {
	t.Helper()
	switch {
	case code == "" && refused != nil:
		t.Errorf("refused: %v", refused)
	case code == "":
	case refused == nil:
		t.Errorf("not refused, want %s", code)
	case code == "page" && refused.Page == nil:
		t.Errorf("the client is told %v, want a page", refused)
	case code != "page" && (refused.Page != nil || refused.Code != code):
		t.Errorf("refused with %v, want %s", refused, code)
	case code != "page" && refused.Reply.RedirectURI != "https://app.example/cb":
		t.Errorf("the error goes to %q", refused.Reply.RedirectURI)
	case !strings.Contains(refused.Error(), says):
		t.Errorf("%q does not name %q", refused.Error(), says)
	}
}

func TestValidateUnderstands(t *testing.T) {
	t.Parallel()
	v := right()
	v.Set("prompt", "login select_account consent")
	v.Set("max_age", "60")
	v.Set("response_mode", "form_post")
	a, refused := Validate(confidential(), Parse(v))
	if refused != nil {
		t.Fatal(refused)
	}
	want := Authorization{
		Reply:  Reply{RedirectURI: "https://app.example/cb", State: "s", Mode: "form_post"},
		Scopes: []string{"openid", "profile"}, Nonce: "n", Challenge: challenge,
		Login: true, Choose: true, Consent: true, MaxAge: time.Minute, HasMaxAge: true,
	}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Error(diff)
	}
}

func TestDoubledStateIsNotSentBack(t *testing.T) {
	t.Parallel()
	v := right()
	v["state"] = []string{"one", "two"}
	_, refused := Validate(confidential(), Parse(v))
	if refused == nil || refused.Code != "invalid_request" || refused.Reply.State != "" {
		t.Errorf("got %+v", refused)
	}
}

func TestRequestedScopes(t *testing.T) {
	t.Parallel()
	readUser := gatehouse.Client{Scopes: []string{"openid", "read_user", "api"}}
	without := gatehouse.Client{Scopes: []string{"openid", "email"}}
	for name, c := range map[string]struct {
		client gatehouse.Client
		asked  string
		want   []string
	}{
		"NoneMeansReadUser":       {readUser, "", []string{"read_user"}},
		"NoneMeansAll":            {without, "", []string{"openid", "email"}},
		"SpacesAndDoubles":        {readUser, "  api openid  api ", []string{"api", "openid"}},
		"OfflineWithRefresh":      {without, "openid offline_access", []string{"openid", "offline_access"}},
		"OfflineIgnoredOtherwise": {gatehouse.Client{Scopes: []string{"openid"}, GrantTypes: []string{"authorization_code"}}, "openid offline_access", []string{"openid"}},
	} {
		got, ok := Requested(c.client, c.asked)
		if diff := cmp.Diff(c.want, got); diff != "" || !ok {
			t.Errorf("%s: %v %s", name, ok, diff)
		}
	}
	if before := []string{"openid", "read_user", "api"}; cmp.Diff(before, readUser.Scopes) != "" {
		t.Errorf("the client's own scopes were changed: %v", readUser.Scopes)
	}
}

// What a client sends as state comes back byte for byte, also after it lay in
// the store.
func TestA6StateSurvives(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state := string(rapid.SliceOfN(rapid.Byte(), 1, 400).Draw(t, "state"))
		v := right()
		v.Set("state", state)
		kept, err := json.Marshal(Parse(v))
		if err != nil {
			t.Fatal(err)
		}
		var back Params
		if err := json.Unmarshal(kept, &back); err != nil {
			t.Fatal(err)
		}
		a, refused := Validate(confidential(), back)
		if refused != nil || a.Reply.State != state {
			t.Fatalf("state %q came back as %q (%v)", state, a.Reply.State, refused)
		}
	})
}

// A request that is right is right again after it lay in the store, and means
// the same.
func TestKeptRequestMeansTheSame(t *testing.T) {
	t.Parallel()
	v := right()
	v.Set("prompt", "consent")
	v.Set("max_age", "5")
	v.Set("login_hint", "张三")
	v.Set("ui_locales", "zh-CN en")
	before := Parse(v)
	before.HintedSubject = "1000000001"
	kept, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	var after Params
	if err := json.Unmarshal(kept, &after); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error(diff)
	}
}

func FuzzAuthorizeRequest(f *testing.F) {
	f.Add(right().Encode())
	f.Add(right().Encode() + "&claims=%7B%22userinfo%22%3A%7B%22name%22%3Anull%7D%7D&resource=urn:b&acr_values=1+2")
	f.Add("client_id=app&client_id=app&redirect_uri=%00&state=%ff&max_age=1e9&prompt=none")
	f.Add("client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb%23x&response_type=code+token")
	f.Fuzz(func(t *testing.T, query string) {
		v, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		asked := Parse(v)
		client := confidential()
		client.Settings.Resources = []string{"urn:b"}
		a, refused := Validate(client, asked)
		to := a.Reply
		if refused != nil {
			to = refused.Reply
		}
		if to.RedirectURI != "" && to.RedirectURI != "https://app.example/cb" {
			t.Fatalf("an answer would go to %q", to.RedirectURI)
		}
		if refused == nil && (len(a.Challenge) != 43 || len(a.Scopes) == 0) {
			t.Fatalf("accepted without what is required: %+v", a)
		}
		if refused == nil && (!Covers(client.Scopes, Within(a.Scopes, client.Scopes)) || !Covers(client.Settings.Resources, a.Resources)) {
			t.Fatalf("more than the client may have: %+v", a)
		}
		if refused != nil && refused.Page == nil && strings.ContainsAny(refused.Description, "\"\\\r\n") {
			t.Fatalf("the description %q is not allowed by RFC 6749", refused.Description)
		}
		kept, err := json.Marshal(asked)
		if err != nil {
			t.Fatal(err)
		}
		var again Params
		if err := json.Unmarshal(kept, &again); err != nil {
			t.Fatal(err)
		}
		if b, no := Validate(client, again); refused == nil && (no != nil || !cmp.Equal(a, b)) {
			t.Fatalf("what is kept is read otherwise afterwards: %+v, %v", b, no)
		}
	})
}
