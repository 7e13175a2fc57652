// Signs in at an OpenID provider over TLS with a client that others wrote
// (openid-client), whose authority the system is told by NODE_EXTRA_CA_CERTS: it
// proves itself by a certificate, at the provider's other name, and its tokens are
// bound to that. ISSUER, CLIENT_ID and CALLBACK say where, CERT and KEY are files
// with the certificate and its key. Somebody else is the browser: each "go ADDRESS"
// that is printed is answered, on a line of the input, with the address that it came
// back to. What was found is printed as JSON.
import { webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { createInterface } from "node:readline";
globalThis.crypto ??= webcrypto; // older Node.js has them, but not there
globalThis.CryptoKey ??= webcrypto.CryptoKey;
const client = await import("openid-client");

const { ISSUER, CLIENT_ID, CALLBACK, CERT, KEY } = process.env;
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const identity = { cert: readFileSync(CERT), key: readFileSync(KEY) };
const asked = new Set();

async function go(address) {
  process.stdout.write("go " + address + "\n");
  return new URL((await answers.next()).value);
}

// fetching is fetch with a certificate, or without.
const fetching = (identity) => (address, options) => new Promise((resolve, reject) => {
  asked.add(new URL(address).hostname);
  const q = request(address, { method: options.method, headers: options.headers, ...identity }, (r) => {
    const parts = [];
    r.on("data", (part) => parts.push(part));
    r.on("end", () => resolve(new Response(parts.length ? Buffer.concat(parts) : null, {
      status: r.statusCode, headers: Object.entries(r.headers).map(([k, v]) => [k, String(v)]),
    })));
  });
  q.on("error", reject);
  q.end(options.body?.toString());
});

const config = await client.discovery(new URL(ISSUER), CLIENT_ID, { use_mtls_endpoint_aliases: true }, client.TlsClientAuth(), {
  [client.customFetch]: fetching(identity), execute: [client.enableNonRepudiationChecks],
});
const found = {};

const verifier = client.randomPKCECodeVerifier(), state = client.randomState(), nonce = client.randomNonce();
const address = await client.buildAuthorizationUrlWithPAR(config, {
  redirect_uri: CALLBACK, scope: "openid profile email", state, nonce,
  code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
});
const tokens = await client.authorizationCodeGrant(config, await go(address.href),
  { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true });
const { sub } = tokens.claims();
found.email = (await client.fetchUserInfo(config, tokens.access_token, sub)).email;

// Without the certificate the token is of no use, nor with the id alone.
const at = config.serverMetadata().mtls_endpoint_aliases.userinfo_endpoint;
const bare = await fetching({})(at, { method: "GET", headers: { authorization: "Bearer " + tokens.access_token } });
found.bound = bare.status === 401;
config[client.customFetch] = fetching({});
found.refused = await client.refreshTokenGrant(config, tokens.refresh_token).then(() => false, (e) => e.status === 401);
config[client.customFetch] = fetching(identity);

const renewed = await client.refreshTokenGrant(config, tokens.refresh_token);
found.renewed = renewed.access_token !== tokens.access_token;
found.bothNames = [...asked].sort().join(" ");

const left = await go(client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: CALLBACK, state }).href);
found.signedOut = left.searchParams.get("state") === state;

process.stdout.write(JSON.stringify(found) + "\n", () => process.exit(0));
