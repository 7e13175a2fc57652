package clients

import (
	"context"

	"gatehouse"
	"gatehouse/internal/clientrules"
	"gatehouse/internal/i18n"
)

// groupWords are the heading of a group of settings and what it is about.
func groupWords(ctx context.Context, g clientrules.Group) (title, hint string) {
	switch g {
	case clientrules.Proof:
		return i18n.Text(ctx, "How it proves itself"), i18n.Text(ctx, "Usually by its secret. Keys and certificates are for apps whose documentation asks for them.")
	case clientrules.Tokens:
		return i18n.Text(ctx, "What it gets"), i18n.Text(ctx, "The form of its tokens, and to what they are bound.")
	case clientrules.Requests:
		return i18n.Text(ctx, "How it asks"), i18n.Text(ctx, "Stricter ways to begin a sign-in.")
	case clientrules.People:
		return i18n.Text(ctx, "How it knows people"), ""
	case clientrules.Leaving:
		return i18n.Text(ctx, "When a session ends"), i18n.Text(ctx, "How it hears that somebody signed out.")
	}
	return "", ""
}

// settingWords are the name of a setting and what it means.
func settingWords(ctx context.Context, name string) (label, hint string) {
	for _, words := range []func(context.Context, string) (string, string){proofWords, certificateWords, tokenWords, requestWords, peopleWords} {
		if label, hint = words(ctx, name); label != "" {
			return label, hint
		}
	}
	return name, ""
}

func proofWords(ctx context.Context, name string) (label, hint string) {
	switch name {
	case "token_endpoint_auth_method":
		return i18n.Text(ctx, "Method"), i18n.Text(ctx, "Once chosen, only this one is taken. A change between secret and keys gives a new secret, or ends the one that there is.")
	case "token_endpoint_auth_signing_alg":
		return i18n.Text(ctx, "Algorithm of its proofs"), i18n.Text(ctx, "Only this one for the JWTs of private_key_jwt and client_secret_jwt.")
	case "jwks_uri":
		return i18n.Text(ctx, "Address of its public keys"), i18n.Text(ctx, "Gatehouse asks there, and keeps the answer for ten minutes. Not together with the keys themselves.")
	case "jwks":
		return i18n.Text(ctx, "Its public keys"), i18n.Text(ctx, "A set of keys (JWKS) as JSON, where there is no address of them.")
	case "federated":
		return i18n.Text(ctx, "Who else signs for it"), i18n.Text(ctx, `For service accounts (grant jwt-bearer): a list as JSON, such as [{"issuer": "https://gitlab.example.com", "subject": "project_path:team/app:*", "jwks_uri": "https://gitlab.example.com/oauth/discovery/keys"}].`)
	}
	return "", ""
}

func certificateWords(ctx context.Context, name string) (label, hint string) {
	switch name {
	case "tls_client_auth_subject_dn":
		return i18n.Text(ctx, "Subject of its certificate"), i18n.Text(ctx, "With tls_client_auth one of these five names is needed. The subject is as in RFC 2253: CN=app,O=Example.")
	case "tls_client_auth_san_dns":
		return i18n.Text(ctx, "DNS name in its certificate"), ""
	case "tls_client_auth_san_uri":
		return i18n.Text(ctx, "URI in its certificate"), ""
	case "tls_client_auth_san_ip":
		return i18n.Text(ctx, "IP address in its certificate"), ""
	case "tls_client_auth_san_email":
		return i18n.Text(ctx, "E-mail address in its certificate"), ""
	}
	return "", ""
}

func tokenWords(ctx context.Context, name string) (label, hint string) {
	switch name {
	case "access_token_format":
		return i18n.Text(ctx, "Access tokens"), i18n.Text(ctx, "An API checks JWTs by itself, and hears of a sign-out or a block only when they end: keep their lifetime short.")
	case "id_token_signed_response_alg":
		return i18n.Text(ctx, "Signature of ID tokens"), i18n.Text(ctx, "Also that of access tokens which are JWTs.")
	case "userinfo_signed_response_alg":
		return i18n.Text(ctx, "Signature of user-info"), i18n.Text(ctx, "Signed, user-info is a JWT and no JSON: few apps expect that.")
	case "dpop_bound_access_tokens":
		return i18n.Text(ctx, "Tokens are bound to a key (DPoP)"), i18n.Text(ctx, "Without a proof it gets none, so that a stolen token is of no use. Any app may use DPoP without this, too.")
	case "require_dpop_nonce":
		return i18n.Text(ctx, "DPoP proofs name a nonce"), i18n.Text(ctx, "So that no proof can be made beforehand. The app must understand use_dpop_nonce.")
	case "tls_client_certificate_bound_access_tokens":
		return i18n.Text(ctx, "Tokens are bound to its certificate"), i18n.Text(ctx, "Needs mtls in the configuration file.")
	case "resources":
		return i18n.Text(ctx, "Resources"), i18n.Text(ctx, "APIs that it may ask for, one a line. They become the audience of its tokens, which then do not open Gatehouse's own API.")
	case "exchange_from":
		return i18n.Text(ctx, "Tokens that it may exchange"), i18n.Text(ctx, "Application IDs, one a line, whose access tokens it may exchange for its own.")
	}
	return "", ""
}

func requestWords(ctx context.Context, name string) (label, hint string) {
	switch name {
	case "profile":
		return i18n.Text(ctx, "Security profile"), i18n.Text(ctx, "fapi2 holds it to the FAPI 2.0 Security Profile: pushed requests, bound tokens, keys or a certificate in place of the secret.")
	case "require_pushed_authorization_requests":
		return i18n.Text(ctx, "Requests must be pushed"), i18n.Text(ctx, "They come by /oauth/par, or are refused.")
	case "require_signed_request_object":
		return i18n.Text(ctx, "Requests must be signed"), i18n.Text(ctx, "They come as request objects (JAR), or are refused. Needs its public keys.")
	case "request_object_signing_alg":
		return i18n.Text(ctx, "Algorithm of signed requests"), ""
	case "request_uris":
		return i18n.Text(ctx, "Addresses of signed requests"), i18n.Text(ctx, "From where request objects may be fetched, one a line; no other address is asked.")
	case "default_max_age":
		return i18n.Text(ctx, "Sign-in at most so old"), i18n.Text(ctx, "In seconds: people who signed in longer ago do it again. Empty: any.")
	case "default_acr_values":
		return i18n.Text(ctx, "How surely people sign in"), i18n.Text(ctx, "urn:gatehouse:acr:two-factors or urn:gatehouse:acr:one-factor, as if it had wished for it.")
	}
	return "", ""
}

func peopleWords(ctx context.Context, name string) (label, hint string) {
	switch name {
	case "subject_type":
		return i18n.Text(ctx, "Identifier of people"), i18n.Text(ctx, "pairwise: it knows people by a sub that no other app has. Changing it makes everybody a newcomer there.")
	case "user_id_from":
		return i18n.Text(ctx, "Numbers of people"), i18n.Text(ctx, "For an app that was moved from a GitLab and must know people again: sub and id are their ids there. Who has no account there connected cannot sign in to it.")
	case "sector_identifier_uri":
		return i18n.Text(ctx, "Sector"), i18n.Text(ctx, "With pairwise: apps of one such host know people by the same identifiers.")
	case "initiate_login_uri":
		return i18n.Text(ctx, "Address that begins a sign-in"), i18n.Text(ctx, "People open the app from their page Applications by it.")
	case "backchannel_logout_uri":
		return i18n.Text(ctx, "Back-channel address"), i18n.Text(ctx, "Gatehouse posts a logout token there, and tries it again for more than an hour. The way to prefer.")
	case "frontchannel_logout_uri":
		return i18n.Text(ctx, "Front-channel address"), i18n.Text(ctx, "Opened in a hidden frame of the page after signing out. Many browsers keep cookies from it.")
	case "frontchannel_logout_session_required":
		return i18n.Text(ctx, "The front channel gets iss and sid"), ""
	}
	return "", ""
}

// usual is what a setting with choices means that is not set.
func usual(ctx context.Context, name string) string {
	switch name {
	case "token_endpoint_auth_method":
		return i18n.Text(ctx, "By its secret, in the header or in the form")
	case "access_token_format":
		return i18n.Text(ctx, "Opaque: they mean something only here")
	case "id_token_signed_response_alg":
		return i18n.Text(ctx, "RS256, as everywhere")
	case "userinfo_signed_response_alg":
		return i18n.Text(ctx, "Not signed: plain JSON")
	case "profile":
		return i18n.Text(ctx, "None")
	case "user_id_from":
		return i18n.Text(ctx, "Those of Gatehouse")
	case "subject_type":
		return i18n.Text(ctx, "The number by which other apps know them, too")
	}
	return i18n.Text(ctx, "Any")
}

// choice is what a choice is called: its name, with what it means where that is
// not clear.
func choice(ctx context.Context, value string) string {
	meaning := ""
	switch value {
	case gatehouse.AuthBasic:
		meaning = i18n.Text(ctx, "the secret in the header")
	case gatehouse.AuthPost:
		meaning = i18n.Text(ctx, "the secret in the form")
	case gatehouse.AuthSecretJWT:
		meaning = i18n.Text(ctx, "signed by the secret")
	case gatehouse.AuthPrivateKeyJWT:
		meaning = i18n.Text(ctx, "signed by a key of its own")
	case gatehouse.AuthTLS:
		meaning = i18n.Text(ctx, "a certificate of an authority that is trusted")
	case gatehouse.AuthSelfSignedTLS:
		meaning = i18n.Text(ctx, "a certificate of its own")
	case gatehouse.AuthNone:
		meaning = i18n.Text(ctx, "public: it keeps no secret")
	}
	if meaning == "" {
		return value
	}
	return value + " – " + meaning
}
