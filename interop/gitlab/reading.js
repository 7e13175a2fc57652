// Reads a GitLab with @gitbeaker/rest as it is, and changes a little. It prints what
// it found, as JSON, for the test that started it. TWIN is the address of the
// stand-in, TOKEN an administrator's access token.
"use strict";
globalThis.crypto ??= require("node:crypto").webcrypto; // older Node.js has it, but not there
const { Gitlab } = require("@gitbeaker/rest");

(async () => {
  const api = new Gitlab({ host: process.env.TWIN, token: process.env.TOKEN });
  const found = { me: (await api.Users.showCurrentUser()).username };
  const ids = (rows) => rows.map((r) => r.id).sort((a, b) => a - b);
  const levels = (rows) => Object.fromEntries(rows.map((m) => [m.username, m.access_level]));
  found.users = ids(await api.Users.all({ pagination: "keyset", orderBy: "id", sort: "asc", perPage: 7 }));
  found.paged_users = ids(await api.Users.all({ perPage: 7 }));
  const groups = await api.Groups.all({ perPage: 3 });
  found.groups = groups.map((g) => g.full_path).sort();
  found.projects = (await api.Projects.all({ pagination: "keyset", orderBy: "id", perPage: 4 })).map((p) => p.path_with_namespace).sort();
  found.members = {};
  for (const g of groups) {
    found.members[g.full_path] = levels(await api.GroupMembers.all(g.id, { perPage: 3 }));
  }
  found.all_members = levels(await api.GroupMembers.all("eng/platform/sre", { includeInherited: true }));
  const shop = await api.Projects.show("eng/web/shop");
  found.shares = Object.fromEntries(shop.shared_with_groups.map((s) => [s.group_full_path, s.group_access_level]));

  found.blocked = await api.Users.block(6);
  found.state = (await api.Users.show(6)).state;
  found.unblocked = await api.Users.unblock(6);
  found.missing = await api.Groups.show("no/such/group").then(() => null, (e) => [e.cause.response.status, e.cause.description]);
  found.refused = await api.GroupMembers.add("eng/platform/sre", 7, { userId: 6 }).then(() => null, (e) => e.cause.response.status);
  const added = await api.GroupMembers.add("eng/platform/sre", 20, { userId: 25, expiresAt: "2031-01-31" });
  found.added = [added.id, added.access_level, added.expires_at];
  await api.GroupMembers.remove("eng/platform/sre", 25);
  found.gone = !ids(await api.GroupMembers.all("eng/platform/sre")).includes(25);
  process.stdout.write(JSON.stringify(found) + "\n");
})().catch((e) => {
  console.error(e);
  process.exit(1);
});
