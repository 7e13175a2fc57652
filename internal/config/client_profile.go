package config

import (
	"slices"
	"strings"

	"gatehouse"
)

// profile checks that what a client is set to does not contradict the profile
// that it is held to: every such request would be refused later.
func (r *reader) profile(c *section, out gatehouse.Client) {
	if !out.FAPI() {
		return
	}
	problem := func(key, text string, args ...any) {
		v := c.get(key)
		if v == nil {
			key, v = "profile", c.get("profile")
		}
		r.problem(v, c.at(key), text, args...)
	}
	if out.AuthMethod != gatehouse.AuthPrivateKeyJWT && !isTLSMethod(out.AuthMethod) {
		problem("token_endpoint_auth_method", "profile: fapi2 permits token_endpoint_auth_method: private_key_jwt, tls_client_auth or self_signed_tls_client_auth only")
	}
	if !out.RequirePKCE {
		problem("require_pkce", "profile: fapi2 requires PKCE")
	}
	if slices.ContainsFunc(out.RedirectURIs, func(u string) bool { return !strings.HasPrefix(u, "https://") }) {
		problem("redirect_uris", "profile: fapi2 permits https only")
	}
	strict := []string{"PS256", "ES256", "EdDSA"}
	for key, algorithm := range map[string]string{
		"id_token_signed_response_alg": out.Settings.IDTokenAlg, "token_endpoint_auth_signing_alg": out.Settings.AuthSigningAlg,
		"request_object_signing_alg": out.Settings.RequestObjectAlg,
	} {
		if algorithm != "" && !slices.Contains(strict, algorithm) {
			problem(key, "profile: fapi2 permits %s only, not %s", strings.Join(strict, ", "), algorithm)
		}
	}
	if len(out.Settings.Federated) > 0 {
		problem("federated", "profile: fapi2 permits keys of the client's own only")
	}
}
