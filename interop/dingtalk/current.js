// Signs in at a DingTalk with clients that others wrote, as they are: the
// strategy for passport (passport-dingtalk2) and the vendor's own library
// (@alicloud/dingtalk). It prints what they got, as JSON, for the test that
// started it. TWIN is the address of the stand-in. (pkginfo is in package.json
// since passport-dingtalk2 needs it and does not say so.)
"use strict";
const passport = require("passport-dingtalk2");
const openapi = require("@alicloud/openapi-client");
const oauth2 = require("@alicloud/dingtalk/oauth2_1_0");
const contact = require("@alicloud/dingtalk/contact_1_0");

const { TWIN, KEY, SECRET, CALLBACK, UNION_ID, CORP_ID } = process.env;
const found = {};

// pick plays the person at the page that a client sends the browser to.
async function pick(address) {
  const body = new URLSearchParams({ union_id: UNION_ID, corp_id: CORP_ID, consent: "agree" });
  const answer = await fetch(address, { method: "POST", body, redirect: "manual" });
  const back = answer.headers.get("location");
  if (!back) {
    throw new Error("the page answered " + answer.status + " without a way back");
  }
  return Object.fromEntries(new URL(back).searchParams);
}

// strategy has passport's strategy handle a request.
function strategy(req) {
  return new Promise((resolve, reject) => {
    const s = new passport.Strategy({
      clientID: KEY, clientSecret: SECRET, callbackURL: CALLBACK, state: false,
      authorizationURL: TWIN + "/oauth2/auth", persistentTokenURL: TWIN + "/v1.0/oauth2/userAccessToken",
      userProfileURL: TWIN + "/v1.0/contact/users/me", tokenURL: TWIN + "/sns/gettoken",
    }, (access, refresh, profile, done) => done(null, { access, refresh, profile }));
    s.redirect = (address) => resolve({ address });
    s.success = (user) => resolve({ user });
    s.fail = (why) => reject(new Error("refused: " + JSON.stringify(why)));
    s.error = reject;
    s.authenticate(req, {});
  });
}

async function signIn() {
  const { address } = await strategy({ query: {}, session: {}, headers: {}, connection: {} });
  const { user } = await strategy({ query: await pick(address), session: {}, headers: {}, connection: {} });
  const [, company] = user.access.split("_");
  found.passport = { id: user.profile.id, unionId: user.profile.privateId, name: user.profile.name, company };
}

// vendor uses the vendor's library, and notes what it makes of a refusal.
async function vendor() {
  const host = new URL(TWIN).host;
  const config = new openapi.Config({ protocol: "http", endpoint: host, regionId: "central" });
  const auth = new oauth2.default(config), people = new contact.default(config);
  const app = await auth.getAccessToken(new oauth2.GetAccessTokenRequest({ appKey: KEY, appSecret: SECRET }));
  const query = new URLSearchParams({ redirect_uri: CALLBACK, response_type: "code", client_id: KEY, scope: "openid corpid", state: "s", prompt: "consent" });
  const { authCode: code } = await pick(TWIN + "/oauth2/auth?" + query);
  const request = { clientId: KEY, clientSecret: SECRET, code, grantType: "authorization_code" };
  const token = await auth.getUserToken(new oauth2.GetUserTokenRequest(request));
  const headers = new contact.GetUserHeaders({ xAcsDingtalkAccessToken: token.body.accessToken });
  const { RuntimeOptions } = require("@alicloud/tea-util");
  const me = await people.getUserWithOptions("me", headers, new RuntimeOptions({}));
  const renewed = await auth.getUserToken(new oauth2.GetUserTokenRequest({
    clientId: KEY, clientSecret: SECRET, refreshToken: token.body.refreshToken, grantType: "refresh_token",
  }));
  found.vendor = {
    app: Boolean(app.body.accessToken), seconds: app.body.expireIn, company: token.body.corpId,
    unionId: me.body.unionId, openId: me.body.openId, nick: me.body.nick, renewed: Boolean(renewed.body.accessToken),
  };
  try {
    await auth.getUserToken(new oauth2.GetUserTokenRequest(request));
  } catch (e) {
    found.vendor.refusal = { code: e.code, status: e.data && e.data.statusCode };
  }
}

// The strategy writes what it got to the log; the result goes out by itself.
console.log = () => {};
signIn().then(vendor).then(() => process.stdout.write(JSON.stringify(found)), (e) => {
  process.stderr.write(String(e && e.stack) + "\n");
  process.exit(1);
});
