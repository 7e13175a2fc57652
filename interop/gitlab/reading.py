"""Reads a GitLab with python-gitlab as Debian has it, and changes a little.

It prints what it found, as JSON, for the test that started it. TWIN is the
address of the stand-in, TOKEN an administrator's access token.
"""

import json
import os

import gitlab

gl = gitlab.Gitlab(os.environ["TWIN"], private_token=os.environ["TOKEN"], per_page=7, keep_base_url=False)
gl.auth()

found = {"version": gl.version()[0], "me": gl.user.username}
found["users"] = sorted(u.id for u in gl.users.list(iterator=True, pagination="keyset", order_by="id"))
found["paged_users"] = sorted(u.id for u in gl.users.list(get_all=True))
found["groups"] = sorted(g.full_path for g in gl.groups.list(iterator=True))
found["projects"] = sorted(p.path_with_namespace for p in gl.projects.list(iterator=True, pagination="keyset", order_by="id"))
found["members"] = {}
for group in gl.groups.list(iterator=True):
    found["members"][group.full_path] = {m.username: m.access_level for m in group.members.list(iterator=True)}
sre = gl.groups.get("eng/platform/sre")
found["all_members"] = {m.username: m.access_level for m in sre.members_all.list(iterator=True)}
shop = gl.projects.get("eng/web/shop")
found["shares"] = {s["group_full_path"]: s["group_access_level"] for s in shop.shared_with_groups}

bob = gl.users.get(6)
found["blocked"] = bob.block()
found["state"] = gl.users.get(6).state
found["unblocked"] = bob.unblock()
try:
    gl.groups.get("no/such/group")
except gitlab.exceptions.GitlabGetError as e:
    found["missing"] = [e.response_code, e.error_message]
try:
    sre.members.create({"user_id": 6, "access_level": 7})
except gitlab.exceptions.GitlabCreateError as e:
    found["refused"] = e.response_code
added = sre.members.create({"user_id": 25, "access_level": gitlab.const.AccessLevel.REPORTER, "expires_at": "2031-01-31"})
found["added"] = [added.id, added.access_level, added.expires_at]
sre.members.delete(25)
found["gone"] = 25 not in [m.id for m in sre.members.list(iterator=True)]
print(json.dumps(found))
