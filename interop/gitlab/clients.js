// Signs in at a GitLab with clients that others wrote, as they are: the strategy
// for passport (passport-gitlab2) and an OpenID Connect client (openid-client). It
// prints what they got, as JSON, for the test that started it. TWIN is the address
// of the stand-in, USER_ID who signs in there. Without USER_ID somebody else is the
// browser: each "go ADDRESS" that is printed is answered, on a line of the input,
// with the address that it came back to.
"use strict";
globalThis.crypto ??= require("node:crypto").webcrypto; // older Node.js has it, but not there
const { TWIN, APP, SECRET, CALLBACK, USER_ID } = process.env;

// browser is somebody's, which keeps the cookies of the stand-in.
function browser() {
  let cookies = {};
  return async (method, address, form) => {
    const headers = { cookie: Object.entries(cookies).map(([k, v]) => k + "=" + v).join("; ") };
    const answer = await fetch(address, { method, headers, body: form && new URLSearchParams(form), redirect: "manual" });
    for (const line of answer.headers.getSetCookie()) {
      const [name, value] = line.split(";")[0].split("=");
      cookies[name] = value;
    }
    return answer;
  };
}

const answers = require("node:readline").createInterface({ input: process.stdin })[Symbol.asyncIterator]();

// agree signs a person in at GitLab and agrees to what the application asks for.
async function agree(address) {
  if (!USER_ID) {
    process.stdout.write("go " + address + "\n");
    return new URL((await answers.next()).value);
  }
  const open = browser();
  await open("GET", address);
  await open("POST", TWIN + "/users/sign_in", { user_id: USER_ID });
  const answer = await open("POST", TWIN + "/oauth/authorize", Object.fromEntries(new URL(address).searchParams));
  const back = answer.headers.get("location");
  if (!back || !back.startsWith(CALLBACK)) {
    throw new Error("GitLab answered " + answer.status + " " + back);
  }
  return new URL(back);
}

// viaPassport has passport's strategy handle both requests of a sign-in.
async function viaPassport() {
  const GitLabStrategy = require("passport-gitlab2");
  const session = {};
  const handle = (req) => new Promise((resolve, reject) => {
    const s = new GitLabStrategy(
      { clientID: APP, clientSecret: SECRET, callbackURL: CALLBACK, baseURL: TWIN, scope: ["read_user"], state: true },
      (access, refresh, profile, done) => done(null, { access, refresh, profile }),
    );
    s.redirect = (address) => resolve({ address });
    s.success = (user) => resolve({ user });
    s.fail = (why) => reject(new Error("refused: " + JSON.stringify(why)));
    s.error = reject;
    s.authenticate({ session, headers: {}, connection: {}, ...req }, {});
  });
  const { address } = await handle({ query: {} });
  const back = await agree(address);
  const { user } = await handle({ query: Object.fromEntries(back.searchParams) });
  return {
    id: String(user.profile.id), username: user.profile.username, name: user.profile.displayName,
    email: user.profile.emails[0].value, page: user.profile.profileUrl, refresh: Boolean(user.refresh),
  };
}

// viaOpenID finds GitLab by its issuer and checks all that OpenID Connect has checked.
async function viaOpenID() {
  const client = await import("openid-client");
  const config = await client.discovery(new URL(TWIN), APP, SECRET, undefined, { execute: [client.allowInsecureRequests] });
  const verifier = client.randomPKCECodeVerifier(), state = client.randomState(), nonce = client.randomNonce();
  const address = client.buildAuthorizationUrl(config, {
    redirect_uri: CALLBACK, scope: "openid profile email", code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256", state, nonce,
  });
  const back = await agree(address.href);
  const tokens = await client.authorizationCodeGrant(config, back, { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce });
  const claims = tokens.claims();
  const more = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
  const renewed = await client.refreshTokenGrant(config, tokens.refresh_token);
  const found = {
    id: claims.sub, username: claims.nickname, email: more.email, verified: more.email_verified, groups: more.groups,
    direct: claims.groups_direct, renewed: renewed.access_token !== tokens.access_token,
  };
  try {
    await client.refreshTokenGrant(config, tokens.refresh_token);
  } catch (e) {
    found.refusal = e.error || e.cause[0].parameters.error; // GitLab says it in WWW-Authenticate too
  }
  return found;
}

(async () => {
  const found = { passport: await viaPassport(), openid: await viaOpenID() };
  process.stdout.write(JSON.stringify(found) + "\n", () => process.exit(0));
})().catch((e) => {
  process.stderr.write(String(e && e.stack) + " " + String(e && e.cause) + "\n");
  process.exit(1);
});
