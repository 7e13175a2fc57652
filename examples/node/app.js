// A web app that signs people in with Gatehouse, by Auth.js, and greets them.
// Environment: GATEHOUSE_URL, CLIENT_ID, CLIENT_SECRET, APP_URL and AUTH_SECRET
// (a random text that seals Auth.js's own cookies: openssl rand -hex 32).
import { webcrypto } from "node:crypto";
import { ExpressAuth, getSession } from "@auth/express";
import express from "express";

globalThis.crypto ??= webcrypto; // Node.js 18 has it, but not there

const { GATEHOUSE_URL, CLIENT_ID, CLIENT_SECRET, APP_URL, AUTH_SECRET } = process.env;

const auth = {
  secret: AUTH_SECRET,
  trustHost: true, // behind a proxy that sets X-Forwarded-Host and -Proto
  providers: [{
    id: "gatehouse", name: "Gatehouse", type: "oidc", issuer: GATEHOUSE_URL,
    clientId: CLIENT_ID, clientSecret: CLIENT_SECRET,
    checks: ["pkce", "state", "nonce"],
  }],
  callbacks: {
    // token.sub is an id of Auth.js's own; what Gatehouse says is kept beside it.
    jwt: ({ token, profile }) => (profile ? { ...token, subject: profile.sub } : token),
    session: ({ session, token }) => ({ ...session, subject: token.subject }),
  },
};

const text = (s) => String(s ?? "").replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const app = express();
app.use("/auth", ExpressAuth(auth));
app.get("/", async (req, res) => {
  const session = await getSession(req, auth);
  res.send("<!doctype html><title>Node.js example</title>" + (session
    ? `<h1>Hello, ${text(session.user.name)}</h1><p id="sub">${text(session.subject)}</p><p id="email">${text(session.user.email)}</p>
       <p><a href="/auth/signout">Sign out</a></p>`
    : `<h1>Node.js example</h1><p><a href="/auth/signin">Sign in</a></p>`));
});
const { hostname, port } = new URL(APP_URL);
app.listen(port || 80, hostname);
