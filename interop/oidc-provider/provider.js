// An OpenID provider that others wrote (oidc-provider), as it is, with one person
// (any name that is typed is one) and one client, which is given in CLIENT as JSON
// metadata. It prints its issuer when it listens, and ends with its input.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = "http://127.0.0.1:" + server.address().port;

const provider = new Provider(issuer, {
  clients: [JSON.parse(process.env.CLIENT)],
  claims: { openid: ["sub"], profile: ["name", "preferred_username"], email: ["email", "email_verified"] },
  cookies: { keys: ["only for tests"] },
  features: { backchannelLogout: { enabled: true }, rpInitiatedLogout: { enabled: true } },
  pkce: { required: () => true },
  findAccount: (_, sub) => ({
    accountId: sub,
    claims: () => ({ sub, name: "Person " + sub, preferred_username: sub, email: sub + "@outside.example", email_verified: true }),
  }),
  ttl: { Session: 3600, Grant: 3600, AccessToken: 600, IdToken: 600, Interaction: 600 },
});
for (const event of ["server_error", "authorization.error", "grant.error", "backchannel.error", "userinfo.error", "end_session.error"]) {
  provider.on(event, (...args) => console.error(event, ...args.map((a) => a?.error_description ?? a?.message ?? "")));
}
server.on("request", provider.callback());
process.stdin.resume().on("end", () => process.exit(0));
console.log(issuer);
