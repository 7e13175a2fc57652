// Signs in at an OpenID provider with a client that others wrote (openid-client), as
// it is and with all of its checks, in the ways that it knows: pushed and signed
// requests, private_key_jwt, DPoP, refresh, introspection, revocation, client
// credentials, the device flow, registering itself, sign-out. ISSUER, CLIENT_ID and CALLBACK say where,
// KEY is the client's key for ES256 in PEM, with the id "ours". Somebody else is the
// browser: each "go ADDRESS" that is printed is answered, on a line of the input,
// with the address that it came back to. What was found is printed as JSON.
import { webcrypto } from "node:crypto";
import { createInterface } from "node:readline";
globalThis.crypto ??= webcrypto; // older Node.js has them, but not there
globalThis.CryptoKey ??= webcrypto.CryptoKey;
const client = await import("openid-client");

const { ISSUER, CLIENT_ID, CALLBACK, KEY } = process.env;
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function go(address) {
  process.stdout.write("go " + address + "\n");
  return new URL((await answers.next()).value);
}

const der = Buffer.from(KEY.replace(/-----[^-]+-----/g, ""), "base64");
const key = { key: await crypto.subtle.importKey("pkcs8", der, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]), kid: "ours" };
const execute = [client.allowInsecureRequests, client.enableNonRepudiationChecks];
const config = await client.discovery(new URL(ISSUER), CLIENT_ID, {}, client.PrivateKeyJwt(key), { execute });

// signIn is the code flow with PKCE, state, nonce, max_age and the iss of the answer,
// by a request that build makes.
async function signIn(build, options, as = config) {
  const verifier = client.randomPKCECodeVerifier(), state = client.randomState(), nonce = client.randomNonce();
  const address = await build({
    redirect_uri: CALLBACK, scope: "openid profile email", state, nonce, max_age: "3600",
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
  });
  const tokens = await client.authorizationCodeGrant(as, await go(address.href),
    { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, maxAge: 3600, idTokenExpected: true }, undefined, options);
  const { sub, preferred_username: username } = tokens.claims();
  const { email } = await client.fetchUserInfo(as, tokens.access_token, sub, options);
  return { tokens, person: { sub, username, email, type: tokens.token_type } };
}

const found = {};

const pushed = await signIn((wish) => client.buildAuthorizationUrlWithPAR(config, wish));
found.pushed = pushed.person;

const signed = await signIn((wish) => client.buildAuthorizationUrlWithJAR(config, wish, key));
found.signed = signed.person;

const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256"));
const bound = await signIn((wish) => client.buildAuthorizationUrl(config, wish), { DPoP });
found.bound = bound.person;
const renewed = await client.refreshTokenGrant(config, bound.tokens.refresh_token, undefined, { DPoP });
found.renewed = renewed.access_token !== bound.tokens.access_token && renewed.token_type === "dpop";

const active = async () => (await client.tokenIntrospection(config, pushed.tokens.access_token)).active;
found.active = await active();
await client.tokenRevocation(config, pushed.tokens.access_token);
found.revoked = !(await active());

const own = await client.clientCredentialsGrant(config, { scope: "read_api" });
found.own = (await client.tokenIntrospection(config, own.access_token)).client_id === CLIENT_ID;

const device = await client.initiateDeviceAuthorization(config, { scope: "openid profile email" });
await go(device.verification_uri_complete);
found.device = (await client.pollDeviceAuthorizationGrant(config, device)).claims().sub;

const newcomer = await client.dynamicClientRegistration(new URL(ISSUER), {
  client_name: "A newcomer", application_type: "native", redirect_uris: [CALLBACK], token_endpoint_auth_method: "client_secret_post",
}, undefined, { execute });
found.registered = (await signIn((wish) => client.buildAuthorizationUrl(newcomer, wish), undefined, newcomer)).person;

const state = client.randomState();
const left = await go(client.buildEndSessionUrl(config, { id_token_hint: signed.tokens.id_token, post_logout_redirect_uri: CALLBACK, state }).href);
found.signedOut = left.searchParams.get("state") === state;

process.stdout.write(JSON.stringify(found) + "\n", () => process.exit(0));
